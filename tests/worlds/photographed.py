"""The shop of two clubs, whose items but the first have images, of a colour each."""

import io

import pandas as pd

import shop


def drawn(colour="red", form="PNG", size=(8, 8)):
    """An image file's bytes."""
    from PIL import Image

    sink = io.BytesIO()
    Image.new("RGB", size, colour).save(sink, form)
    return sink.getvalue()


def write(folder):
    shop.write_shop(folder, users=200, days=60)
    goods = pd.read_csv(folder / "items.csv", dtype=str)
    (folder / "photos").mkdir()
    names = []
    for number, item in enumerate(goods["sku"]):
        name = f"photos/{item}.png" if number else ""
        if name:
            (folder / name).write_bytes(drawn((number % 256, 0, 90)))
        names.append(name)
    goods.assign(photo=names).to_csv(folder / "items.csv", index=False)
    return folder


def scenario(choice=None, **changes):
    raw = shop.scenario(
        population={"users": 40, "min_history": 3},
        split={"fraction": 0.75},
        choice={"mode": "yes-no", "images": True, **(choice or {})},
    )
    raw["data"]["items"]["image"] = "photo"
    return raw | changes
