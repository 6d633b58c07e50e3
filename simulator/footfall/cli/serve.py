"""``footfall serve``: a model served with vLLM."""

from __future__ import annotations

from typing import Annotated

import typer

from footfall.llm.specs import ModelSpec, Quantization
from footfall.llm.vllm.serve import serve as serve_model
from footfall.plumbing.stderr import stderr


def serve(
    model: Annotated[str, typer.Option(help="Hub name, folder, or embedded.")] = "embedded",
    adapter: Annotated[
        str | None, typer.Option(help="LoRA adapter; served as MODEL+ADAPTER.")
    ] = None,
    quantization: Annotated[
        Quantization, typer.Option(help="Eight bits; served as MODEL+int8.")
    ] = "none",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    api_key_env: Annotated[
        str | None, typer.Option(help="Environment variable that holds the clients' key.")
    ] = None,
) -> None:
    """Serve a model with vLLM and the settings that Footfall needs.

    Examples:
        footfall serve --model fake
        footfall serve --model Qwen/Qwen3-4B-Instruct-2507 --port 8001
    """
    serve_model(
        ModelSpec(name=model, adapter=adapter, quantization=quantization),
        host=host,
        port=port,
        api_key_env=api_key_env,
        announce=stderr.say,
    )
