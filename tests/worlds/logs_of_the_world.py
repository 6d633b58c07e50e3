"""Fifteen further logs in languages with writings and habits of their own, and of trackers."""

from decimal import Decimal

import numpy as np
import pandas as pd

from further_logs import shown
from logs_of_shops import Log, clickstream, csv_file, history, json_lines, with_comma


def vietnamese(folder):
    """Amounts with points between thousands, the day first, and a code of the user with letters."""
    h = history()
    frame = pd.DataFrame(
        {
            "Mã đơn hàng": [f"DH{n // 2:06d}" for n in h.index],
            "Mã khách hàng": [f"KH{user}" for user in h["user"]],
            "Mã sản phẩm": [f"SP{item}" for item in h["item"]],
            "Tên sản phẩm": h["name"],
            "Ngành hàng": h["kind"],
            "Số lượng": h["units"],
            "Đơn giá": (h["price"] * 1000).round().map(lambda x: f"{x:,.0f} ₫".replace(",", ".")),
            "Ngày mua": h["at"].dt.strftime("%d/%m/%Y %H:%M"),
        }
    )
    return csv_file(frame, folder, encoding="utf-8-sig")


def activity_stream(folder):
    """A board of jobs, in the words of ActivityStreams; the newest first."""
    h = clickstream(("View", "Like", "Offer", "Accept"), (0.7, 0.2, 0.06, 0.04))
    records = [
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"urn:uuid:{row.Index:08d}",
            "type": row.action,
            "published": row.at.strftime("%Y-%m-%dT%H:%M:%S+02:00"),
            "actor": {"id": f"urn:person:{row.user}", "type": "Person"},
            "object": {"id": f"urn:job:{row.item}", "type": "Job", "name": row.name},
        }
        for row in h[::-1].itertuples()
    ]
    return json_lines(records, folder)


def watching(folder):
    """Films watched: seconds since 1970 with a fraction, how long, and how much of the film."""
    h = history()
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(
        {
            "profile_id": h["user"],
            "device_id": [f"tv-{n % 60}" for n in h.index],
            "content_id": h["item"],
            "content_title": h["name"],
            "genre": h["kind"],
            "started": h["at"].astype("int64") / 1e9 + 0.25,
            "watch_seconds": rng.integers(5, 7000, len(h)),
            "completion_pct": rng.uniform(0, 100, len(h)).round(1),
            "autoplay": rng.integers(0, 2, len(h)),
        }
    )
    return csv_file(frame, folder, sep="\t")


def czech_spreadsheet(folder):
    """Days as a spreadsheet counts them, with a comma before the hours."""
    h = history()
    days = (h["at"] - pd.Timestamp("1899-12-30")) / pd.Timedelta("1D")
    frame = pd.DataFrame(
        {
            "Číslo účtenky": h.index // 2 + 100,
            "Zákazník": h["user"],
            "Kód zboží": h["item"],
            "Název zboží": h["name"],
            "Počet kusů": h["units"],
            "Cena celkem": (h["price"] * h["units"] * 25).map(
                lambda x: f"{x:.2f} Kč".replace(".", ",")
            ),
            "Datum a čas": days.map(lambda x: f"{x:.6f}".replace(".", ",")),
        }
    )
    return csv_file(frame, folder, sep=";", encoding="cp1250")


def swedish_shown(folder):
    """What was shown, in percent, at which place; clicks and purchases say ja and nej."""
    s = shown()
    bought = np.random.default_rng(7).random(len(s)) < 0.1
    frame = pd.DataFrame(
        {
            "visnings-id": s["page"] + 1,
            "kundnummer": s["user"],
            "artikelnummer": s["item"],
            "plats": s["place"] + 1,
            "sannolikhet": (s["chance"] * 100).map(lambda x: f"{x:.3f} %".replace(".", ",")),
            "tidpunkt": s["at"].dt.strftime("%Y-%m-%d kl. %H:%M"),
            "klickad": np.where(s["clicked"] == 1, "ja", "nej"),
            "köpt": np.where((s["clicked"] == 1) & bought, "ja", "nej"),
        }
    )
    return csv_file(frame, folder, sep=";")


def greek(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "Αρ. Παραγγελίας": h.index // 2 + 4000,
            "Κωδικός Πελάτη": h["user"],
            "Κωδικός Είδους": h["item"],
            "Περιγραφή Είδους": h["name"],
            "Ποσότητα": h["units"],
            "Τιμή Μονάδας": h["price"].map(lambda x: f"{x:.2f} €".replace(".", ",")),
            "Ημ/νία": h["at"].dt.strftime("%d/%m/%Y %H:%M"),
        }
    )
    return csv_file(frame, folder, sep=";", encoding="cp1253")


def amplitude(folder):
    h = clickstream(("View Product", "Click Product", "Add To Cart", "Complete Purchase"))
    stamp = "%Y-%m-%d %H:%M:%S.%f"
    records = [
        {
            "event_id": int(row.Index),
            "event_type": row.action,
            "user_id": f"user-{row.user}",
            "device_id": f"d-{row.user}-{row.Index % 2}",
            "amplitude_id": int(row.user) * 7919,
            "session_id": int(row.at.normalize().timestamp() * 1000) + int(row.user),
            "event_time": row.at.strftime(stamp),
            "client_upload_time": (row.at + pd.Timedelta("9s")).strftime(stamp),
            "server_received_time": (row.at + pd.Timedelta("10s")).strftime(stamp),
            "event_properties": {"productId": str(row.item), "productName": row.name,
                                 "price": row.price},
            "user_properties": {"plan": "free"},
            "country": "Ireland",
        }
        for row in h.itertuples()
    ]  # fmt: skip
    return json_lines(records, folder)


def finnish(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "Kuittinumero": h.index // 3 + 300,
            "Asiakasnumero": h["user"],
            "Tuotekoodi": h["item"],
            "Tuotteen nimi": h["name"],
            "Tuoteryhmä": h["kind"],
            "Määrä": h["units"],
            "Hinta yhteensä": (h["price"] * h["units"]).map(lambda x: f"{x:.2f}".replace(".", ",")),
            "Pvm": h["at"].dt.strftime("%-d.%-m.%Y"),
            "Klo": h["at"].dt.strftime("%H.%M"),
        }
    )
    return csv_file(frame, folder, sep=";")


def bandit(folder):
    """A bandit's log: one item a round, with the chance of it and what it brought."""
    s = shown()
    s = s[s["place"] == 0]
    frame = pd.DataFrame(
        {
            "round": np.arange(len(s)),
            "context_user": s["user"],
            "chosen_item": s["item"],
            "logging_prob": s["chance"].round(6),
            "reward": s["clicked"],
            "logged_at": s["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
    return csv_file(frame, folder)


def indonesian(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "no_pesanan": [f"INV/{n // 2}" for n in h.index],
            "id_pelanggan": h["user"],
            "kode_barang": h["item"],
            "nama_barang": h["name"],
            "kategori": h["kind"],
            "jumlah_barang": h["units"],
            "harga_satuan": (h["price"] * 1000)
            .round()
            .map(lambda x: f"Rp{x:,.0f}".replace(",", ".")),
            "tanggal_transaksi": h["at"].dt.strftime("%Y/%m/%d %H.%M"),
        }
    )
    return csv_file(frame, folder)


def norwegian(folder):
    h = clickstream(("visning", "klikk", "lagt i handlekurv", "kjøpt"))
    frame = pd.DataFrame(
        {
            "tidsstempel": h["at"].dt.strftime("%d.%m.%y kl. %H:%M"),
            "kunde-id": h["user"],
            "varenummer": h["item"],
            "varenavn": h["name"],
            "hendelse": h["action"],
            "pris": h["price"].map(lambda x: f"kr {x:.2f}".replace(".", ",")),
        }
    )
    return csv_file(frame, folder, sep="\t")


def romanian(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "Nr. comandă": h.index // 2 + 900,
            "Cod client": h["user"],
            "Cod produs": h["item"],
            "Denumire produs": h["name"],
            "Cantitate": h["units"],
            "Valoare totală": (h["price"] * h["units"]).map(lambda x: f"{with_comma(x)} lei"),
            "Data comenzii": h["at"].dt.strftime("%d.%m.%Y, %H:%M"),
        }
    )
    return csv_file(frame, folder, sep=";", encoding="cp1250")


def thai(folder):
    h = history()
    frame = pd.DataFrame(
        {
            "เลขที่ใบเสร็จ": h.index // 2 + 1,
            "รหัสลูกค้า": h["user"],
            "รหัสสินค้า": h["item"],
            "ชื่อสินค้า": h["name"],
            "จำนวน": h["units"],
            "ราคาต่อหน่วย": h["price"].map(lambda x: f"฿{x * 100:,.2f}"),
            "วันที่": h["at"].dt.strftime("%Y-%m-%d %H:%M:%S"),
        }
    )
    return csv_file(frame, folder, encoding="utf-8-sig")


def typed_parquet(folder):
    """A warehouse's table: categories, decimals, zoned moments, an id of bytes long."""
    h = clickstream(("impression", "click", "add_to_basket", "order"))
    frame = pd.DataFrame(
        {
            "event_ts": h["at"].dt.tz_localize("America/Chicago"),
            "dwh_loaded_at": pd.Timestamp("2024-06-01", tz="UTC"),
            "household_key": h["user"].astype("int64"),
            "upc": (h["item"] + 10**12).astype(str),
            "item_description": h["name"].astype("category"),
            "event_type": h["action"].astype("category"),
            "unit_price_usd": [Decimal(f"{x:.2f}") for x in h["price"]],
        }
    )
    frame.to_parquet(folder / "events.parquet")
    return "events.parquet"


def taiwanese_pages(folder):
    s = shown()
    frame = pd.DataFrame(
        {
            "曝光編號": s["page"],
            "會員編號": s["user"],
            "商品編號": s["item"],
            "排名": s["place"] + 1,
            "曝光機率": (s["chance"] * 100).map(lambda x: f"{x:.2f}%"),
            "是否點擊": np.where(s["clicked"] == 1, "是", "否"),
            "時間": s["at"]
            .dt.strftime("%Y/%m/%d %H:%M:%S")
            .str.replace(
                r" (\d\d)",
                lambda m: f" {'上午' if int(m[1]) < 12 else '下午'} {(int(m[1]) - 1) % 12 + 1:02d}",
                regex=True,
            ),
        }
    )
    return csv_file(frame, folder, encoding="big5")


WORLD = {
    "vietnamese": Log(
        vietnamese,
        {"user": "Mã khách hàng", "item": "Mã sản phẩm", "time": "Ngày mua",
         "quantity": "Số lượng", "unit_price": "Đơn giá", "order": "Mã đơn hàng",
         "title": "Tên sản phẩm", "category": "Ngành hàng"},
        "purchase",
        {"decimal": ",", "thousands": ".", "timezone": "Asia/Ho_Chi_Minh", "currency": "VND"},
    ),
    "watching": Log(
        watching,
        {"user": "profile_id", "item": "content_id", "time": "started", "title": "content_title",
         "category": "genre"},
        "click",
        {"time_unit": "s"},
    ),
    "swedish-shown": Log(
        swedish_shown,
        {"user": "kundnummer", "item": "artikelnummer", "time": "tidpunkt", "page": "visnings-id",
         "position": "plats", "propensity": "sannolikhet"},
        {"flags": {"click": "klickad", "purchase": "köpt"}},
        {"decimal": ",", "timezone": "Europe/Stockholm"},
    ),
    "greek": Log(
        greek,
        {"user": "Κωδικός Πελάτη", "item": "Κωδικός Είδους", "time": "Ημ/νία",
         "quantity": "Ποσότητα", "unit_price": "Τιμή Μονάδας", "order": "Αρ. Παραγγελίας",
         "title": "Περιγραφή Είδους"},
        "purchase",
        {"encoding": "cp1253", "decimal": ",", "timezone": "Europe/Athens", "currency": "EUR"},
    ),
    "amplitude": Log(
        amplitude,
        {"user": "user_id", "item": "event_properties.productId", "time": "event_time",
         "value": "event_properties.price", "order": "session_id",
         "title": "event_properties.productName"},
        {"column": "event_type", "map": {"View Product": "view", "Click Product": "click",
                                         "Add To Cart": "cart", "Complete Purchase": "purchase"}},
    ),
    "finnish": Log(
        finnish,
        {"user": "Asiakasnumero", "item": "Tuotekoodi", "time": "Pvm", "clock": "Klo",
         "quantity": "Määrä", "value": "Hinta yhteensä", "order": "Kuittinumero",
         "title": "Tuotteen nimi", "category": "Tuoteryhmä"},
        "purchase",
        {"decimal": ",", "timezone": "Europe/Helsinki"},
    ),
    "indonesian": Log(
        indonesian,
        {"user": "id_pelanggan", "item": "kode_barang", "time": "tanggal_transaksi",
         "quantity": "jumlah_barang", "unit_price": "harga_satuan", "order": "no_pesanan",
         "title": "nama_barang", "category": "kategori"},
        "purchase",
        {"decimal": ",", "thousands": ".", "timezone": "Asia/Jakarta", "currency": "IDR"},
    ),
    "norwegian": Log(
        norwegian,
        {"user": "kunde-id", "item": "varenummer", "time": "tidsstempel", "value": "pris",
         "title": "varenavn"},
        {"column": "hendelse", "map": {"visning": "view", "klikk": "click",
                                       "lagt i handlekurv": "cart", "kjøpt": "purchase"}},
        {"decimal": ",", "timezone": "Europe/Oslo"},
    ),
    "romanian": Log(
        romanian,
        {"user": "Cod client", "item": "Cod produs", "time": "Data comenzii",
         "quantity": "Cantitate", "value": "Valoare totală", "order": "Nr. comandă",
         "title": "Denumire produs"},
        "purchase",
        {"encoding": "cp1250", "decimal": ",", "timezone": "Europe/Bucharest", "currency": "RON"},
    ),
    "thai": Log(
        thai,
        {"user": "รหัสลูกค้า", "item": "รหัสสินค้า", "time": "วันที่", "quantity": "จำนวน",
         "unit_price": "ราคาต่อหน่วย", "order": "เลขที่ใบเสร็จ", "title": "ชื่อสินค้า"},
        "purchase",
        {"thousands": ",", "timezone": "Asia/Bangkok", "currency": "THB"},
    ),
    "typed-parquet": Log(
        typed_parquet,
        {"user": "household_key", "item": "upc", "time": "event_ts", "value": "unit_price_usd",
         "title": "item_description"},
        {"column": "event_type", "map": {"impression": "view", "add_to_basket": "cart",
                                         "order": "purchase"}},
        {"currency": "USD"},
    ),
    "taiwanese-pages": Log(
        taiwanese_pages,
        {"user": "會員編號", "item": "商品編號", "time": "時間", "page": "曝光編號",
         "position": "排名", "propensity": "曝光機率"},
        {"flags": {"click": "是否點擊"}},
        {"encoding": "big5", "timezone": "Asia/Shanghai"},
    ),
}  # fmt: skip
"""Those that tell what they are; ``bandit``, ``activity_stream``, ``czech_spreadsheet`` do not."""
