"use strict";

// The theme puts wide tables into a box that scrolls; keys must reach it, too.
const mark = () => {
  for (const box of document.querySelectorAll(".md-typeset__scrollwrap:not([tabindex])")) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", "Table");
  }
};
mark();
new MutationObserver(mark).observe(document.body, { childList: true, subtree: true });
