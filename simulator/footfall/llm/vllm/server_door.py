"""What is asked of a model server before the first question: who are you, and do we agree?"""

from __future__ import annotations

import json
from typing import Any

import httpx

from footfall.errors import AwayError, ModelError, did_you_mean
from footfall.llm.protocol import Tokenizer
from footfall.llm.specs import ModelSpec, served_name
from footfall.llm.vllm.bounded_http import fetch
from footfall.plumbing.http_answers import UnboundedError, reason
from footfall.plumbing.secrets import read_secret

BUSY = frozenset({429, 502, 503, 504})
"""Statuses that are about the server and never about a question."""
_OPENING_TIMEOUT = 30.0
"""Seconds for each of these answers as a whole."""
_SAMPLE = "Oat milk, 1 l\nRye bread\n"


def api_key(spec: ModelSpec) -> str:
    """The server's key, from the environment; "" if the scenario names none."""
    if spec.api_key_env is None:
        return ""
    key = read_secret(spec.api_key_env)
    if not key:
        raise ModelError(f"the environment variable {spec.api_key_env} (api_key_env) is not set")
    return key


class Door:
    """The few requests that are needed before the first question."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        self._url = str(spec.server).rstrip("/")
        key = api_key(spec)
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def model_card(self) -> dict[str, Any]:
        """What the server says about the model that the scenario names."""
        served = self._cards()
        name = served_name(self._spec)
        if name in served:
            return dict(served[name])
        hint = did_you_mean(name, served)
        raise ModelError(f'{self._url} does not serve "{name}"; {hint}')

    def look(self) -> dict[str, str]:
        """What the server says that it serves now; see ``VllmServer.about``."""
        cards = self._cards()
        return self.about(
            cards.get(served_name(self._spec)) or {"id": ", ".join(cards) or "nothing"}
        )

    def about(self, card: dict[str, Any]) -> dict[str, str]:
        """Name, origin and version, as the fingerprint has them."""
        version = self.get("/version", root=True).get("version", "unknown")
        return {"name": str(card["id"]), "root": str(card.get("root")), "version": str(version)}

    def check_tokenizer(self, model: str, tokenizer: Tokenizer) -> None:
        """Text that is split otherwise than the model learned gives numbers without meaning."""
        body = {"model": model, "prompt": _SAMPLE, "add_special_tokens": False}
        theirs = self._request("POST", self._root() + "/tokenize", json=body).get("tokens")
        if theirs != tokenizer.encode(_SAMPLE):
            message = f"{self._url} splits text otherwise than the tokenizer given for {model}"
            raise ModelError(f'{message}; name the right one ("model: tokenizer: ...")')

    def _cards(self) -> dict[str, dict[str, Any]]:
        cards = self.get("/models").get("data", [])
        try:
            return {str(card["id"]): dict(card) for card in cards}
        except (KeyError, TypeError, ValueError):
            raise ModelError(
                f"{self._url}: not a vLLM server: its list of models cannot be read"
            ) from None

    def get(self, path: str, *, root: bool = False) -> dict[str, Any]:
        """JSON object at ``path`` below the API's address, or below the server's root."""
        return self._request("GET", (self._root() if root else self._url) + path)

    def _root(self) -> str:
        return self._url.removesuffix("/v1")

    def _request(self, method: str, url: str, **body: Any) -> dict[str, Any]:
        try:
            found = json.loads(
                fetch(method, url, headers=self._headers, within=_OPENING_TIMEOUT, **body)
            )
        except UnboundedError as error:
            raise ModelError(f"{url}: not a vLLM server: its answer is {error}") from error
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
            hint = "; check api_key_env" if status in (401, 403) else ""
            kind = AwayError if status in BUSY or status >= 500 else ModelError
            raise kind(f"{url}: the server answered {status}{hint}") from error
        except httpx.HTTPError as error:
            raise AwayError(
                f"no vLLM server at {self._url} ({reason(error)}); start one with `footfall serve`"
            ) from error
        except (ValueError, RecursionError) as error:
            raise ModelError(f"{url}: not a vLLM server: its answer cannot be read") from error
        if not isinstance(found, dict):
            raise ModelError(f"{url}: not a vLLM server")
        return found
