"""What columns are called in other languages: ``Datei`` is a file, ``Klasse`` a class."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["english_names", "is_called"]

# English name -> what it is called elsewhere, in small letters without accents and signs. Words
# that mean something else in tables of other languages (Bestand, ruta, pad) are left out.
_LANGUAGES: dict[str, dict[str, str]] = {
    "German": {
        "file": "datei bilddatei", "filename": "dateiname bildname", "path": "pfad",
        "file_path": "dateipfad bildpfad", "image": "bild foto aufnahme",
        "mask": "maske masken", "label": "etikett label", "class": "klasse klassenname",
        "category": "kategorie", "diagnosis": "diagnose", "group": "gruppe",
        "patient_id": "patienten patientennummer patientennr", "subject": "proband probandin",
        "split": "aufteilung", "subset": "teilmenge",
        "left": "links", "top": "oben", "right": "rechts", "bottom": "unten",
        "width": "breite", "height": "hohe hoehe",
        "image_width": "bildbreite", "image_height": "bildhohe bildhoehe",
    },
    "French": {
        "file": "fichier", "filename": "nomfichier nomdufichier nomdefichier",
        "path": "chemin", "file_path": "cheminfichier chemindufichier",
        "image_name": "nomimage nomdelimage", "mask": "masque masques",
        "label": "etiquette", "class": "classe", "category": "categorie", "species": "espece",
        "diagnosis": "diagnostic", "group": "groupe", "subject": "sujet", "person": "personne",
        "split": "repartition", "set": "ensemble",
        "left": "gauche", "top": "haut", "right": "droite", "bottom": "bas",
        "width": "largeur", "height": "hauteur",
        "image_width": "largeurimage", "image_height": "hauteurimage",
    },
    "Spanish": {
        "file": "archivo fichero", "filename": "nombrearchivo nombredearchivo nombrefichero",
        "file_path": "rutaarchivo rutadearchivo", "image_path": "rutaimagen", "image": "imagen",
        "mask": "mascara mascaras", "label": "etiqueta", "class": "clase",
        "category": "categoria", "species": "especie", "diagnosis": "diagnostico",
        "group": "grupo", "patient": "paciente", "subject": "sujeto", "person": "persona",
        "split": "particion", "set": "conjunto",
        "left": "izquierda", "top": "arriba superior", "right": "derecha",
        "bottom": "abajo inferior", "width": "ancho anchura", "height": "alto altura",
        "image_width": "anchoimagen", "image_height": "altoimagen",
    },
    "Portuguese": {
        "file": "arquivo ficheiro", "filename": "nomearquivo nomedoarquivo nomeficheiro",
        "path": "caminho", "image": "imagem", "mask": "mascara", "label": "rotulo etiqueta",
        "class": "classe", "category": "categoria", "species": "especie",
        "diagnosis": "diagnostico", "group": "grupo", "patient": "paciente",
        "subject": "sujeito", "person": "pessoa", "split": "divisao particao", "set": "conjunto",
        "left": "esquerda", "top": "topo superior", "right": "direita", "bottom": "inferior",
        "width": "largura", "height": "altura",
        "image_width": "larguraimagem", "image_height": "alturaimagem",
    },
    "Italian": {
        "filename": "nomefile", "path": "percorso", "image": "immagine",
        "mask": "maschera maschere", "label": "etichetta", "class": "classe",
        "category": "categoria", "species": "specie", "diagnosis": "diagnosi",
        "group": "gruppo", "patient": "paziente", "subject": "soggetto", "person": "persona",
        "split": "suddivisione", "set": "insieme",
        "left": "sinistra", "top": "alto sopra", "right": "destra", "bottom": "basso sotto",
        "width": "larghezza", "height": "altezza",
        "image_width": "larghezzaimmagine", "image_height": "altezzaimmagine",
    },
    "Dutch": {
        "filename": "bestandsnaam", "file_path": "bestandspad", "image": "afbeelding",
        "mask": "masker", "class": "klasse", "category": "categorie", "species": "soort",
        "diagnosis": "diagnose", "group": "groep", "person": "persoon", "split": "verdeling",
        "left": "links", "top": "boven", "right": "rechts", "bottom": "onder",
        "width": "breedte", "height": "hoogte",
    },
    "Polish": {
        "file": "plik", "filename": "nazwapliku", "path": "sciezka", "image": "obraz zdjecie",
        "mask": "maska", "label": "etykieta", "class": "klasa", "category": "kategoria",
        "species": "gatunek", "group": "grupa", "patient": "pacjent", "person": "osoba",
        "split": "podzial", "set": "zbior",
        "left": "lewo lewa", "top": "gora", "right": "prawo prawa", "bottom": "dol",
        "width": "szerokosc", "height": "wysokosc",
    },
    "Swedish": {
        "file": "fil", "filename": "filnamn", "path": "sokvag", "image": "bild",
        "mask": "mask", "label": "etikett", "class": "klass", "category": "kategori",
        "group": "grupp", "split": "uppdelning",
        "left": "vanster", "top": "overst overkant", "right": "hoger",
        "bottom": "nederst nederkant",
        "width": "bredd", "height": "hojd",
    },
}  # fmt: skip
_WORDS = {
    language: {word: name for name, words in table.items() for word in words.split()}
    for language, table in _LANGUAGES.items()
}
_LETTERS = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "æ": "ae"})


def english_names(columns: Iterable[str]) -> dict[str, str]:
    """Returns what columns are called, in English and small letters, and the column so called.

    Names in the one language that knows most of the columns are put into English; a column whose
    name is English already goes before.

    Args:
        columns: Names; of two that are called the same the first is meant.
    """
    names = list(columns)[::-1]
    bare = {name: _bare(name) for name in names}
    words = max(_WORDS.values(), key=lambda known: sum(each in known for each in bare.values()))
    foreign = {words[each]: name for name, each in bare.items() if each in words}
    return foreign | {name.lower(): name for name in names}


def is_called(name: str, words: Iterable[str]) -> bool:
    """Tells whether a column is called by one of some words, which are English and small."""
    return not english_names([name]).keys().isdisjoint(words)


def _bare(name: str) -> str:
    """Returns a name in small letters, without accents, signs and the word for id at its end."""
    letters = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    letters = re.sub(r"[\W_]+", "", "".join(c for c in letters if not unicodedata.combining(c)))
    return re.sub(r"(?<=patienten)id$|^box(?=.)", "", letters)
