"""Columns that are called in other languages."""

from __future__ import annotations

import pytest

from headstart.data.tables.box_columns import box_columns
from headstart.data.tables.column_words import english_names, is_called
from headstart.data.tables.roles import Columns, roles_of
from headstart.data.tables.tables import read_table


@pytest.mark.parametrize(
    ("head", "sides"),
    [
        ("Datei;Klasse;links;oben;Breite;Höhe", "left, top, width, height"),
        ("Datei;Klasse;Links;Oben;Rechts;Unten", "left, top, right, bottom"),
        ("Bilddatei;Etikett;Box links;Box oben;Box_Breite;Box_Hoehe", "left, top, width, height"),
        ("fichier;classe;gauche;haut;largeur;hauteur", "left, top, width, height"),
        ("nom du fichier;étiquette;gauche;haut;droite;bas", "left, top, right, bottom"),
        ("archivo;clase;izquierda;arriba;ancho;alto", "left, top, width, height"),
        ("arquivo;classe;esquerda;topo;largura;altura", "left, top, width, height"),
        ("immagine;classe;sinistra;alto;larghezza;altezza", "left, top, width, height"),
        ("afbeelding;klasse;links;boven;breedte;hoogte", "left, top, width, height"),
        ("plik;klasa;lewo;góra;szerokość;wysokość", "left, top, width, height"),
        ("filnamn;klass;vänster;överst;höger;nederst", "left, top, right, bottom"),
    ],
)
def test_sides_of_boxes_files_and_classes_are_known_in_other_languages(tmp_path, head, sides):
    (tmp_path / "t.csv").write_text(f"{head}\na.png;cat;1;2;30;40\n", encoding="utf-8")
    table = read_table(tmp_path / "t.csv")
    found = box_columns(table)
    columns = head.split(";")
    assert found is not None
    assert found.names == tuple(columns[2:])
    assert found.kind == ("corners" if "right" in sides else "sizes")
    assert table.guess(("file", "filename", "image")) == columns[0]
    assert table.guess(("label", "class")) == columns[1]


def test_roles_of_a_german_table(tmp_path):
    for n in range(4):
        (tmp_path / f"{n}.png").write_bytes(b"")
    rows = [f"{n}.png;p{n};{'ab'[n % 2]};{['Training', 'Validierung'][n > 2]}" for n in range(4)]
    text = "\n".join(["Dateiname;Patienten-ID;Klasse;Aufteilung", *rows])
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    roles = roles_of(read_table(tmp_path / "t.csv"), Columns())
    assert (roles.image, roles.label, roles.split) == ("Dateiname", "Klasse", "Aufteilung")
    assert roles.reading["groups"].endswith("(--group Patienten-ID)")
    assert "files" not in roles.guessed


def test_a_foreign_word_that_names_no_files_is_no_column_of_files(tmp_path):
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "t.csv").write_text("was;Foto;label\n0.png;ja;a\n", encoding="utf-8")
    assert roles_of(read_table(tmp_path / "t.csv"), Columns()).image == "was"


def test_english_goes_before_and_one_language_is_spoken():
    assert english_names(["Klasse", "class"]) == {"class": "class", "klasse": "Klasse"}
    known = english_names(["immagine", "alto", "basso", "altezza"])
    assert (known["top"], known["height"]) == ("alto", "altezza")
    assert english_names(["archivo", "alto"])["height"] == "alto"
    assert is_called("Patientennummer", {"patient_id"})
    assert not is_called("Bestand", {"file"})
