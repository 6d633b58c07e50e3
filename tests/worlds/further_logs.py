"""Ten more logs, in the shapes in which tools export them and as further languages name them."""

import json

import numpy as np
import pandas as pd

from logs_of_shops import Log, clickstream, csv_file, history, json_lines, with_comma


def portuguese(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "nº do pedido": h.index // 2 + 300,
            "código do cliente": h["user"],
            "código do produto": h["item"],
            "nome do produto": h["name"],
            "data da compra": h["at"].dt.strftime("%d/%m/%Y %H:%M:%S"),
            "quantidade": h["units"],
            "valor total": (h["price"] * h["units"] * 30).map(lambda x: f"R$ {with_comma(x)}"),
            "estado": "SP",
        }
    )
    return csv_file(frame, folder, sep=";", encoding="utf-8-sig")


def german_clicks(folder):
    h = clickstream(("Ansicht", "Klick", "Warenkorb", "Kauf"))
    frame = pd.DataFrame(
        {
            "Zeitstempel": h["at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
            "Besucher-ID": h["user"],
            "Produktnummer": h["item"],
            "Ereignis": h["action"],
            "Einzelpreis": h["price"].map(lambda x: f"{x:.2f}".replace(".", ",")),
            "Endgerät": "Handy",
        }
    )
    return csv_file(frame, folder, sep=";")


def shown(seed=4, users=40, items=25, pages=300, places=5):
    """Pages with what was shown, at which place, with which chance, and clicked or not."""
    rng = np.random.default_rng(seed)
    appeal = rng.normal(0, 0.7, items)
    rows = []
    for page in range(pages):
        at = pd.Timestamp("2024-03-01 08:00") + pd.Timedelta(days=page * 40 / pages)
        at += pd.Timedelta(minutes=int(rng.integers(0, 600)))
        left = np.ones(items, bool)
        for place in range(places):
            p = np.where(left, np.exp(appeal), 0)
            p /= p.sum()
            item = int(rng.choice(items, p=p))
            left[item] = False
            clicked = int(rng.random() < 0.3)
            rows.append((page, page % users, item, place,
                         p[item], clicked, at))  # fmt: skip
    names = ["page", "user", "item", "place", "chance", "clicked", "at"]
    return pd.DataFrame(rows, columns=names)


def japanese_pages(folder):
    s = shown()
    frame = pd.DataFrame(
        {
            "ページID": s["page"],
            "利用者ID": s["user"] + 1001,
            "商品番号": s["item"] + 5001,
            "表示順位": s["place"] + 1,
            "表示確率": s["chance"].round(5),
            "クリック": s["clicked"],
            "日時": s["at"].dt.strftime("%Y/%m/%d %H:%M"),
        }
    )
    return csv_file(frame, folder)


def odd_headers(folder):
    """Propensity, page, place and policy under headers that say nothing."""
    s = shown()
    rows = pd.DataFrame(
        {
            "event": "impression",
            "customer": s["user"],
            "sku": s["item"],
            "ts": s["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "shelf": s["page"].map(lambda n: f"x{n:05d}"),
            "spot": s["place"] + 1,
            "shown_with": s["chance"].round(6),
            "side": np.where(s["page"] % 2, "control", "treatment"),
            "temperature": np.random.default_rng(0).normal(15, 5, len(s)).round(1),
        }
    )
    clicks = rows[s["clicked"] == 1].assign(event="click")
    return csv_file(pd.concat([rows, clicks]).sort_values("ts", kind="stable"), folder)


def ga4(folder):
    h = clickstream(("view_item", "select_item", "add_to_cart", "purchase"))
    records = []
    for row in h.itertuples():
        item = {"item_id": f"SKU_{row.item}", "item_name": row.name, "item_category": row.kind,
                "price": row.price, "quantity": int(row.units)}  # fmt: skip
        records.append(
            {
                "event_date": row.at.strftime("%Y%m%d"),
                "event_timestamp": int(row.at.timestamp() * 1e6),
                "event_name": row.action,
                "user_pseudo_id": f"{row.user}.1700000000",
                "device": {"category": "mobile", "language": "en-us"},
                "geo": {"country": "Spain"},
                "items": [item],
            }
        )
        if row.Index % 20 == 0:
            records.append({**records[-1], "event_name": "session_start", "items": []})
    return json_lines(records, folder)


def shopify(folder):
    h = history()
    order = h.index // 2
    first = np.append(True, order[1:] != order[:-1])
    person = h["user"].to_numpy()[order * 2]
    frame = pd.DataFrame(
        {
            "Name": [f"#{n + 1001}" for n in order],
            "Email": [f"c{user}@example.org" for user in person],
            "Financial Status": np.where(first, "paid", ""),
            "Fulfillment Status": np.where(first, "fulfilled", ""),
            "Accepts Marketing": np.where(first, "no", ""),
            "Currency": np.where(first, "EUR", ""),
            "Total": np.where(first, "99.00", ""),
            "Created at": h["at"].to_numpy()[order * 2],
            "Lineitem quantity": h["units"],
            "Lineitem name": h["name"],
            "Lineitem price": h["price"],
            "Lineitem sku": h["item"],
            "Billing City": np.where(first, "Gent", ""),
            "Vendor": h["kind"],
        }
    )
    frame["Created at"] = pd.to_datetime(frame["Created at"]).dt.strftime("%Y-%m-%d %H:%M:%S +0000")
    return csv_file(frame, folder)


def news_lists(folder):
    s = shown()
    records = []
    for page, rows in s.groupby("page"):
        first = rows.iloc[0]
        records.append(
            {
                "impression_id": int(page),
                "user_id": f"U{first['user']}",
                "time": first["at"].strftime("%m/%d/%Y %I:%M:%S %p"),
                "impressions": [
                    {"news_id": f"N{row.item}", "clicked": bool(row.clicked)}
                    for row in rows.itertuples()
                ],
            }
        )
    return json_lines(records, folder)


def streams(folder):
    h = history()
    records = [
        {
            "ts": row.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "username": f"listener{row.user}",
            "platform": "android",
            "ms_played": int(row.price * 6000),
            "master_metadata_track_name": row.name,
            "master_metadata_album_artist_name": row.kind,
            "spotify_track_uri": f"spotify:track:{row.item}",
            "reason_end": "trackdone",
            "shuffle": bool(row.item % 2),
        }
        for row in h.itertuples()
    ]
    (folder / "history.json").write_text(json.dumps(records))
    return "history.json"


def italian(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "tessera cliente": h["user"],
            "scontrino": h.index // 3 + 9000,
            "data": h["at"].dt.strftime("%d-%m-%Y"),
            "ora": h["at"].dt.strftime("%H:%M"),
            "codice articolo": h["item"],
            "descrizione": h["name"],
            "reparto": h["kind"],
            "pezzi": h["units"],
            "prezzo unitario": h["price"].map(lambda x: f"{x:.2f}".replace(".", ",")),
        }
    )
    return csv_file(frame, folder, sep=";", encoding="cp1252")


def one_hot(folder):
    h = clickstream(("viewed", "clicked", "added_to_cart", "purchased"), (0.6, 0.25, 0.1, 0.05))
    flags = {name: (h["action"] == name).astype(int) for name in
             ("viewed", "clicked", "added_to_cart", "purchased")}  # fmt: skip
    frame = pd.DataFrame(
        {"session": h.index // 4, "member": h["user"], "article": h["item"],
         "when": h["at"].dt.strftime("%Y-%m-%d %H:%M:%S"), **flags}
    )  # fmt: skip
    return csv_file(frame, folder)


def baskets(folder):
    h = history()
    records = []
    for number, rows in h.groupby(h.index // 3):
        first = rows.iloc[0]
        lines = [
            {"sku": int(row.item), "title": row.name, "quantity": int(row.units),
             "price": f"{row.price:.2f}"}
            for row in rows.itertuples()
        ]  # fmt: skip
        records.append(
            {
                "order_number": int(number),
                "customer": {"id": int(first["user"]), "first_name": "Ann"},
                "created_at": first["at"].strftime("%Y-%m-%dT%H:%M:%S+01:00"),
                "line_items": lines,
                "tax_lines": [{"title": "VAT", "rate": 0.2}],
            }
        )
    return json_lines(records, folder)


WORDS = {"view_item": "view", "select_item": "click", "add_to_cart": "cart"}

FURTHER = {
    "portuguese": Log(
        portuguese,
        {"user": "código do cliente", "item": "código do produto", "time": "data da compra",
         "quantity": "quantidade", "value": "valor total", "order": "nº do pedido",
         "title": "nome do produto"},
        "purchase",
        {"decimal": ",", "thousands": ".", "currency": "BRL"},
    ),
    "german-clicks": Log(
        german_clicks,
        {"user": "Besucher-ID", "item": "Produktnummer", "time": "Zeitstempel",
         "value": "Einzelpreis"},
        {"column": "Ereignis", "map": {"Ansicht": "view", "Klick": "click", "Warenkorb": "cart",
                                       "Kauf": "purchase"}},
        {"decimal": ",", "timezone": "Europe/Berlin"},
        first="2024-03-01",
    ),
    "japanese-pages": Log(
        japanese_pages,
        {"user": "利用者ID", "item": "商品番号", "time": "日時", "page": "ページID",
         "position": "表示順位", "propensity": "表示確率"},
        {"flags": {"click": "クリック"}},
        {"timezone": "Asia/Tokyo"},
    ),
    "odd-headers": Log(
        odd_headers,
        {"user": "customer", "item": "sku", "time": "ts", "page": "shelf", "position": "spot",
         "propensity": "shown_with", "arm": "side"},
        {"column": "event", "map": {"impression": "view"}},
        {"timezone": "UTC"},
    ),
    "ga4": Log(
        ga4,
        {"user": "user_pseudo_id", "item": "items.item_id", "time": "event_timestamp",
         "quantity": "items.quantity", "unit_price": "items.price", "title": "items.item_name",
         "category": "items.item_category"},
        {"column": "event_name", "map": WORDS},
        {"time_unit": "us"},
    ),
    "shopify": Log(
        shopify,
        {"user": "Email", "item": "Lineitem sku", "time": "Created at",
         "quantity": "Lineitem quantity", "unit_price": "Lineitem price", "order": "Name",
         "title": "Lineitem name", "category": "Vendor"},
        "purchase",
        {"currency": "EUR"},
    ),
    "news-lists": Log(
        news_lists,
        {"user": "user_id", "item": "impressions.news_id", "time": "time",
         "page": "impression_id", "position": "impressions.position"},
        {"flags": {"click": "impressions.clicked"}},
    ),
    "streams": Log(
        streams,
        {"user": "username", "item": "spotify_track_uri", "time": "ts",
         "title": "master_metadata_track_name", "category": "master_metadata_album_artist_name"},
        "click",
    ),
    "italian": Log(
        italian,
        {"user": "tessera cliente", "item": "codice articolo", "time": "data", "clock": "ora",
         "quantity": "pezzi", "unit_price": "prezzo unitario", "order": "scontrino",
         "title": "descrizione", "category": "reparto"},
        "purchase",
        {"decimal": ",", "timezone": "Europe/Rome"},
        first="2024-03-01",
    ),
    "one-hot": Log(
        one_hot,
        {"user": "member", "item": "article", "time": "when", "order": "session"},
        {"flags": {"view": "viewed", "click": "clicked", "cart": "added_to_cart",
                   "purchase": "purchased"}},
    ),
    "baskets": Log(
        baskets,
        {"user": "customer.id", "item": "line_items.sku", "time": "created_at",
         "quantity": "line_items.quantity", "unit_price": "line_items.price",
         "order": "order_number", "title": "line_items.title"},
        "purchase",
    ),
}  # fmt: skip
"""Logs of tools and languages that the first nine do not have."""
