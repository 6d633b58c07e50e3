"""One history, written down as shops of several countries write theirs."""

import json
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

FIRST = pd.Timestamp("2024-03-01 08:00:00")
DAYS = 60


def history(seed=0, users=40, items=25, rows=1500):
    """Purchases of two clubs, oldest first: who, what, its name and kind, price, units, when."""
    rng = np.random.default_rng(seed)
    user = rng.integers(users, size=rows)
    item = 2 * rng.integers(items // 2, size=rows) + np.where(rng.random(rows) < 0.9, user % 2, 0)
    price = rng.uniform(1, 40, items + 1).round(2)[item]
    hour = rng.integers(8, 22, rows)
    at = FIRST.normalize() + pd.to_timedelta(rng.integers(DAYS, size=rows), unit="D")
    at = at + pd.to_timedelta(hour, unit="h") + pd.to_timedelta(rng.integers(3600, size=rows), "s")
    frame = pd.DataFrame(
        {
            "user": user + 1001,
            "item": item + 5001,
            "name": [f"Thing number {n}" for n in item],
            "kind": np.where(item % 2, "Garden", "Kitchen"),
            "price": price,
            "units": rng.choice([1, 1, 1, 2, 3], size=rows),
            "at": at,
        }
    )
    return frame.sort_values("at", ignore_index=True)


def unordered(frame, seed=1):
    """The rows in no order of time."""
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


def clickstream(words, share=(0.7, 0.2, 0.06, 0.04)):
    """The history with an action a row, in the words of a shop."""
    frame = history()
    action = np.random.default_rng(5).choice(list(words), size=len(frame), p=share)
    return frame.assign(action=action)


@dataclass
class Log:
    """A log, and what it means."""

    write: object
    """Writes the files into a folder; returns the name of the log."""
    columns: dict[str, str]
    action: object
    options: dict[str, object] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    first: str | None = str(FIRST.normalize().date())
    """The day of the first event, UTC."""


def csv_file(frame, folder, name="events.csv", **how):
    frame.to_csv(folder / name, index=False, **how)
    return name


def json_lines(records, folder):
    text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")
    return "events.jsonl"


def with_comma(number):
    """1.299,00"""
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


def online_retail(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "InvoiceNo": h["user"].astype(str) + h["at"].dt.strftime("%m%d"),
            "StockCode": h["item"],
            "Description": h["name"].str.upper(),
            "Quantity": h["units"],
            "InvoiceDate": h["at"].dt.strftime("%-m/%-d/%Y %-H:%M"),
            "UnitPrice": h["price"],
            "CustomerID": h["user"],
            "Country": "United Kingdom",
        }
    )
    return csv_file(frame, folder)


def german(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "Bestellnummer": h.index // 2 + 70000,
            "Kundennummer": h["user"],
            "Artikelnr": h["item"],
            "Bezeichnung": h["name"],
            "Warengruppe": h["kind"],
            "Bestelldatum": h["at"].dt.strftime("%d.%m.%Y %H:%M"),
            "Menge": h["units"],
            "Gesamtpreis": (h["price"] * h["units"]).map(lambda x: f"{x:.2f} €".replace(".", ",")),
            "PLZ": 10115,
        }
    )
    return csv_file(frame, folder, sep=";", encoding="cp1252")


def retailrocket(folder):
    h = clickstream(("view", "addtocart", "transaction", "logout"), (0.7, 0.17, 0.12, 0.01))
    frame = pd.DataFrame(
        {
            "timestamp": h["at"].astype("int64") // 10**6,
            "visitorid": h["user"],
            "event": h["action"],
            "itemid": h["item"],
            "transactionid": np.where(h["action"] == "transaction", h.index.astype(str), ""),
        }
    )
    return csv_file(unordered(frame), folder)


def taobao(folder):
    h = clickstream(("pv", "fav", "cart", "buy"))
    frame = pd.DataFrame(
        {
            "用户ID": h["user"],
            "商品ID": h["item"],
            "商品类目ID": h["kind"],
            "行为类型": h["action"],
            "时间戳": h["at"].astype("int64") // 10**9,
        }
    )
    return csv_file(frame, folder, name="UserBehavior.csv")


def spanish_films(folder):
    h = history()
    rng = np.random.default_rng(2)
    stars = rng.integers(1, 11, len(h))
    frame = pd.DataFrame(
        {
            "id_usuario": h["user"],
            "id_pelicula": h["item"],
            "calificacion": stars,
            "fecha": h["at"].dt.strftime("%Y-%m-%dT%H:%M:%S"),
        }
    )
    movies = h.drop_duplicates("item")[["item", "name", "kind"]]
    movies = movies.set_axis(["id_pelicula", "titulo", "genero"], axis=1)
    csv_file(movies, folder, "peliculas.csv", sep="\t")
    return csv_file(frame.drop_duplicates(["id_usuario", "id_pelicula"]), folder, sep="\t")


def impressions(folder):
    h = history()
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {
            "impression_id": h.index // 5,
            "userId": h["user"],
            "itemId": h["item"],
            "position": h.index % 5,
            "propensity": rng.uniform(0.05, 0.9, len(h)).round(3),
            "policy": rng.choice(["bandit", "control"], len(h)),
            "clicked": (rng.random(len(h)) < 0.2).astype(int),
            "purchased": (rng.random(len(h)) < 0.05).astype(int),
            "eventTime": h["at"].dt.strftime("%Y-%m-%d %H:%M:%S UTC"),
        }
    )
    frame.to_parquet(folder / "log.parquet")
    return "log.parquet"


def listens(folder):
    h = history()
    with (folder / "scrobbles.jsonl").open("w") as file:
        for row in h.itertuples():
            listen = {
                "user_name": f"u{row.user}",
                "listened_at": int(row.at.timestamp()),
                "track": {"id": int(row.item), "title": row.name},
                "artist_name": row.kind,
            }
            file.write(json.dumps(listen) + "\n")
    return "scrobbles.jsonl"


def russian(folder):
    h = clickstream(("просмотр", "клик", "в корзину", "покупка"))
    frame = pd.DataFrame(
        {
            "ид_клиента": h["user"],
            "код_товара": h["item"],
            "название": h["name"],
            "действие": h["action"],
            "дата": h["at"].dt.strftime("%d.%m.%Y"),
            "время": h["at"].dt.strftime("%H:%M:%S"),
            "цена": h["price"].map(lambda x: f"{x:.2f}".replace(".", ",")),
        }
    )
    return csv_file(frame, folder, sep=";", encoding="cp1251")


def japanese(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "会員番号": h["user"],
            "注文番号": h.index // 3,
            "商品コード": h["item"],
            "商品名": h["name"],
            "注文日時": h["at"].dt.strftime("%Y/%m/%d %H:%M:%S"),
            "単価": h["price"],
            "数量": h["units"],
        }
    )
    customers = pd.DataFrame(
        {
            "会員番号": np.arange(1001, 1041),
            "氏名": [f"N{n}" for n in range(40)],
            "年齢": np.arange(40) + 20,
            "性別": ["女", "男"] * 20,
        }
    )
    csv_file(customers, folder, "kaiin.csv")
    return csv_file(frame, folder, encoding="utf-8-sig")


def nameless(folder):
    """Headers that say nothing, and days that could be months: only its owner can tell."""
    h = history()
    h = h[h["at"].dt.day <= 12]
    frame = pd.DataFrame(
        {"a": h["user"], "b": h["item"], "c": h["at"].dt.strftime("%d/%m/%Y %H:%M")}
    )
    return csv_file(unordered(frame), folder)


LOGS = {
    "online-retail": Log(
        online_retail,
        {"user": "CustomerID", "item": "StockCode", "time": "InvoiceDate", "order": "InvoiceNo",
         "quantity": "Quantity", "unit_price": "UnitPrice", "title": "Description"},
        "purchase",
    ),
    "german": Log(
        german,
        {"user": "Kundennummer", "item": "Artikelnr", "time": "Bestelldatum", "quantity": "Menge",
         "value": "Gesamtpreis", "order": "Bestellnummer", "title": "Bezeichnung",
         "category": "Warengruppe"},
        "purchase",
        {"timezone": "Europe/Berlin", "currency": "EUR", "decimal": ",", "encoding": "cp1252"},
    ),
    "retailrocket": Log(
        retailrocket,
        {"user": "visitorid", "item": "itemid", "time": "timestamp", "order": "transactionid"},
        {"column": "event", "map": {"addtocart": "cart", "transaction": "purchase"}},
        {"time_unit": "ms"},
    ),
    "taobao": Log(
        taobao,
        {"user": "用户ID", "item": "商品ID", "time": "时间戳", "category": "商品类目ID"},
        {"column": "行为类型", "map": {"pv": "view", "fav": "click", "buy": "purchase"}},
        {"time_unit": "s", "timezone": "UTC"},
    ),
    "spanish-films": Log(
        spanish_films,
        {"user": "id_usuario", "item": "id_pelicula", "time": "fecha", "value": "calificacion"},
        "rate",
        arguments=("--items", "peliculas.csv"),
    ),
    "impressions": Log(
        impressions,
        {"user": "userId", "item": "itemId", "time": "eventTime", "page": "impression_id",
         "position": "position", "propensity": "propensity", "arm": "policy"},
        {"flags": {"click": "clicked", "purchase": "purchased"}},
        {"timezone": "UTC"},
    ),
    "listens": Log(
        listens,
        {"user": "user_name", "item": "track.id", "time": "listened_at", "title": "track.title",
         "category": "artist_name"},
        "click",
        {"time_unit": "s"},
    ),
    "russian": Log(
        russian,
        {"user": "ид_клиента", "item": "код_товара", "time": "дата", "clock": "время",
         "title": "название", "value": "цена"},
        {"column": "действие", "map": {"просмотр": "view", "клик": "click", "в корзину": "cart",
                                       "покупка": "purchase"}},
        {"timezone": "Europe/Moscow", "decimal": ",", "encoding": "cp1251"},
    ),
    "japanese": Log(
        japanese,
        {"user": "会員番号", "item": "商品コード", "time": "注文日時", "order": "注文番号",
         "title": "商品名", "unit_price": "単価", "quantity": "数量"},
        "purchase",
        {"timezone": "Asia/Tokyo"},
        arguments=("--users", "kaiin.csv"),
        first="2024-02-29",  # eight in the morning of Tokyo is the evening before
    ),
}  # fmt: skip
"""Nine logs that tell what they are."""
