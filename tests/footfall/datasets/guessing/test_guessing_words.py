"""The words of headers and of actions: each says one thing, and common ones are known."""

from collections import defaultdict

import pytest

from footfall.datasets.guessing import words
from footfall.datasets.guessing.words import action_of, fold, is_done, is_void, understand

TWO = {
    "title", "label", "titel", "vorgang", "gruppe", "orden", "nota", "nummer", "tijdstip", "stuks",
    "stk", "egysegar", "egysegara", "vrijeme", "ωρα", "dongia", "מקט", "uhikuhind", "einingarverd",
    "shipping",
}  # fmt: skip
"""Words that do say two things: the price of a unit, a day and its hour."""


def test_no_word_of_a_language_has_two_meanings():
    said = defaultdict(set)
    for meaning, languages in words._table("words").items():
        for language, listed in languages.items():
            for word in listed:
                said[language, fold(word)].add(meaning)
    double = {word for (_, word), meanings in said.items() if len(meanings) > 1}
    assert double <= {fold(word) for word in TWO}


def test_no_word_is_two_actions_and_no_state_both_came_about_and_did_not():
    kinds = ("view", "click", "cart", "purchase", "rate", "ignore")
    said = defaultdict(set)
    for kind in kinds:
        for word in words._all_words(kind):
            said[fold(str(word)).replace(" ", "_")].add(kind)
    assert not {word: kind for word, kind in said.items() if len(kind) > 1}
    assert not words._listed("done") & words._listed("void")


@pytest.mark.parametrize(
    ("header", "meaning"),
    [
        ("Kd.-Nr.", "user"), ("Art.-Nr.", "item"), ("nº cliente", "user"),
        ("nr zamówienia", "order"),
        ("ポイントカード番号", "user"), ("Asiakasnumero", "user"), ("Kundenummer", "user"),
        ("Ürün Kodu", "item"), ("мөлшері", "quantity"), ("παραγγελία", "order"),
        ("mã khách hàng", "user"), ("Нарачка", "order"), ("bezero", "user"), ("klienti", "user"),
    ],
)  # fmt: skip
def test_headers_are_understood(header, meaning):
    assert meaning in understand([header]).meanings[header]


def test_gross_and_net_say_what_money_it_is_and_alone_that_it_is_a_sum():
    meant = understand(["Cena brutto", "Netto", "Wartość netto"]).meanings
    assert meant["Cena brutto"] == {"price", "taxed"}
    assert "total" in meant["Netto"]
    assert "total" in meant["Wartość netto"]


@pytest.mark.parametrize(
    ("word", "action"),
    [
        ("Wunschliste", "click"), ("lagt i handlekurv", "cart"), ("výpůjčka", None),
        ("加入购物车", "cart"), ("оплачен", "purchase"), ("zobrazení", "view"),
        ("poistettu", "ignore"), ("satinalma", "purchase"),
        ("apply", "purchase"), ("unwatch", "ignore"),
    ],
)  # fmt: skip
def test_words_of_actions(word, action):
    assert action_of(word) == action


@pytest.mark.parametrize(
    ("word", "came_about", "undone"),
    [
        ("Vahvistettu", True, False), ("Hylätty", False, True), ("Gutschrift", False, True),
        ("Reklame", False, False), ("Paiement accepté", True, False), ("not paid", False, False),
        ("En attente de paiement", False, False), ("Partially refunded", False, True),
    ],
)  # fmt: skip
def test_states_of_orders(word, came_about, undone):
    assert (is_done(word), is_void(word)) == (came_about, undone)


@pytest.mark.parametrize(
    ("header", "tax", "who"),
    [
        ("Total excl. VAT", "VAT amount", "customer"),
        ("Montant hors taxe", "Montant TVA", "client"),
        ("Betrag ohne MwSt", "MwSt-Betrag", "Kunde"),
        ("Importe sin IVA", "Importe IVA", "cliente"),
        ("Importo IVA esclusa", "Importo IVA", "cliente"),
        ("Bedrag excl. btw", "Btw-bedrag", "klant"),
        ("Linjebeløb ekskl. moms", "Momsbeløb", "kunde"),
        ("Kwota bez VAT", "Kwota VAT", "klient"),
    ],
)
def test_a_sum_without_its_tax_is_a_sum_and_the_tax_is_none(header, tax, who):
    found = understand([header, tax, who]).meanings
    assert "total" in found[header]
    assert "other" not in found[header]
    assert "other" in found[tax]
