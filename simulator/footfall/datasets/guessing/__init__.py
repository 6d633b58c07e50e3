"""From a stranger's files to a source: which column is what, told from headers and contents."""
