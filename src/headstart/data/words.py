"""Words that data sets are named with: splits in their many spellings, and one normal form."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal

__all__ = [
    "MASKS",
    "SplitWord",
    "normal",
    "plural",
    "spelling",
    "split_name",
    "split_word",
    "stem_and_number",
    "uploaded_name",
]

SplitWord = Literal["train", "val", "test", "pred"]

_SPLITS: dict[str, str] = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_WORDS: dict[str, SplitWord] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev", "eval"), "val"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("pred", "predict", "prediction", "predictions", "inference"), "pred"),
}
# Other languages, without accents and in small letters.
_FOREIGN: dict[str, SplitWord] = {
    **dict.fromkeys(
        ("lernen", "trainieren", "entrainement", "apprentissage", "entrenamiento", "treino",
         "treinamento", "addestramento", "trening", "treningowy", "uczenie", "opleiding", "egitim",
         "обучение", "обучающая", "тренировка", "训练", "訓練", "学習", "훈련", "학습"), "train"),
    **dict.fromkeys(
        ("validierung", "validacion", "validacao", "validazione", "validatie", "walidacja",
         "dogrulama", "evaluation", "evaluierung", "evaluacion", "avaliacao", "valutazione",
         "валидация", "验证", "驗證", "検証", "검증"), "val"),
    **dict.fromkeys(
        ("prufung", "pruefung", "prufen", "pruefen", "prueba", "pruebas", "teste", "testes",
         "prova", "collaudo", "toets", "testowy", "тест", "тестовая", "проверка", "测试",
         "測試", "テスト", "테스트"), "test"),
    **dict.fromkeys(("vorhersage", "prediccion", "previsione", "previsao", "предсказание"), "pred"),
}  # fmt: skip
_WORDS |= _FOREIGN
_FOREIGN_SPLITS = {word: split for word, split in _FOREIGN.items() if split != "pred"}
MASKS = frozenset({"mask", "masks", "segmentation", "segmentations", "groundtruth", "gt"})
"""Folders that hold masks of images, under the names of these."""

# What is written onto such a word without a gap: trainset, testimages, Testdaten, 训练集.
_TAILS = re.compile(
    r"(set|sets|data|dataset|images|imgs|folder|dir|split|"
    r"s?(daten|datensatz|bilder|menge|ordner)|集|用|テータ|세트)$"
)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_a-zA-Z]+")


def normal(text: str) -> str:
    """Returns a name as it is compared: letters composed (NFC), no blanks around it.

    macOS stores é as two characters, others as one; both are one name.
    """
    return unicodedata.normalize("NFC", text).strip()


def spelling(text: str) -> str:
    """Returns what is left of a name in all its spellings: ``annamuller`` of ``Müller, Anna``.

    Case, blanks, signs and accents do not count, nor does ue for ü, nor a surname that stands
    first before a comma, nor that a spreadsheet wrote 1 as 1.0.
    """
    text = re.sub(r"^\s*(\d+)[.,]0+\s*$", r"\1", text)
    first, comma, rest = text.partition(",")
    text = f"{rest} {first}" if comma and rest.strip() and "," not in rest else text
    bare = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in bare if not unicodedata.combining(each))
    bare = re.sub(r"(?<=\d)[\W_]+(?=\d)", "-", bare)  # 1.5 is not 15
    bare = re.sub(r"[^\w-]+|_|(?<!\d)-|-(?!\d)", "", bare)
    return re.sub(r"(?<=[a-z])([aou])e(?=[a-z])", r"\1", bare) or text


def split_name(text: str) -> str | None:
    """Returns ``"train"``, ``"val"`` or ``"test"`` for its usual spellings, else None."""
    word = text.strip().lower()
    return _SPLITS.get(word) or _FOREIGN_SPLITS.get(_unaccented(word))


def split_word(text: str) -> SplitWord | None:
    """Returns the split that a name speaks of in one of its words, such as ``seg_train``.

    None where it speaks of none, or of two. Words of the commoner other languages count too
    (``Trainingsdaten``, ``entraînement``, ``训练集``).
    """
    found = set()
    for part in _PARTS.findall(_unaccented(text)):
        word = part.lower()
        known = _WORDS.get(word) or _WORDS.get(_TAILS.sub("", word))
        if known:
            found.add(known)
    return found.pop() if len(found) == 1 else None


def _unaccented(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text)
    bare = "".join(each for each in letters if not unicodedata.combining(each))
    return unicodedata.normalize("NFC", bare)


def stem_and_number(text: str) -> tuple[str, str] | None:
    """Returns ``("fold", "3")`` of ``fold3``, ``("", "2019")`` of ``2019``; None without one."""
    match = re.fullmatch(r"(.*?)[\s_-]*(\d+)", text.strip())
    return (match[1].lower(), match[2]) if match else None


def plural(count: int, one: str, many: str | None = None) -> str:
    """Returns such as "1 image" or "1,200 images"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def uploaded_name(path: str) -> str:
    """Returns the last part of a path, without the eight letters that Label Studio put before it.

    They are of files that were uploaded: ``0a1b2c3d-image.jpg``.
    """
    return re.sub(r"^[0-9a-f]{8}-(?=.)", "", path.rpartition("/")[2])
