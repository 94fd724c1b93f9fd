"""Checks whether a mail may greet by a name that was typed into a form.

Anybody can type a name with somebody else's address. A text that could be a message, a telephone
number or a link, for a person or for a mail program, is left out: the mail then has no name in it.
Nothing else depends on it.
"""

import re
import unicodedata

from psgflask.core.folding import fold, normalise

MAX_LENGTH, MAX_WORD_LENGTH, MAX_IDEOGRAPHS = 60, 35, 6
MAX_WORDS = 6  # not counting particles
MAX_WORDS_IN_ANY_CASE = 3  # of more words, each must begin with a capital
MAX_CAPITALS_WITHIN = 2  # "MacDonald", "DeLaCruz"
MAX_NUMERALS = 4  # characters with a numeric value, as 三 in 三郎
MAX_NUMBER_WORDS = 2

PUNCTUATION = {
    **dict.fromkeys("'’‘‛`´′׳״", "'"),
    **dict.fromkeys("-‐‑‒–־֊", "-"),
    **dict.fromkeys("·・‧་", "·"),
    **{character: character for character in " .,&"},
}
LETTERS, MARKS = {"Lu", "Ll", "Lt", "Lm", "Lo"}, {"Mn", "Mc"}
# For a text with L for letters and M for marks. Initials ("J.R.", "J.-P.", "M.ª"); one word or
# several joined ("O'Neill-Pérez", "ホセ・ペレス"), with a full stop if it is short ("Dr.",
# "Srta."). A full stop before two letters is not allowed: it would be linked as a domain.
LETTER = "LM{0,3}"
WORD = re.compile(
    rf"(?:(?:{LETTER}\.-?)+L?|(?:{LETTER}){{2,5}}\.|'?(?:{LETTER})+(?:[-'·]{{1,2}}(?:{LETTER})+)*'?),?|&"
)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PARTICLES = _words(
    "a al and ap at au aus bar bat ben bin bint da dal dalla das de dei del della delle den der"
    " des di do dos du e el en i ibn la las le li lo los mac mc na of os san santa st te ten ter"
    " the til to tot tu und van ver vom von vor vos y zu zum zur"
)
# Words of messages, which hardly occur in names, and addresses as people spell them out. People who
# have such a name are greeted without it.
MESSAGE_WORDS = _words(
    "www http https html ftp com org net edu gob gov info biz gmail googlemail hotmail outlook"
    " yahoo email mail website web sms whatsapp telegram viber wechat signal skype facebook"
    " instagram tiktok youtube bitcoin btc crypto casino viagra porn xxx sex"
    " you your yours our they this that these those have is prize prizes reward rewards"
    " congratulations congrats voucher click visit call text phone write reply send contact urgent"
    " important warning alert please now today immediately password account login verify confirm"
    " security bank payment paid invoice refund money pounds dollars euros"
    " usted ustedes tienes tiene tienen ganaste premio premios felicidades enhorabuena regalo clic"
    " pulse visite llame llamar escriba escribe responda responde envie envia urgente importante"
    " aviso alerta gratis ahora inmediatamente contrasena clave cuenta verifique confirme seguridad"
    " banco pago pague pagar factura dinero soles dolares"
)
SPELT_SEPARATORS = _words("dot punto arroba")
NUMBER_WORDS = _words(
    "zero oh one two three four five six seven eight nine double triple"
    " cero uno dos tres cuatro cinco seis siete ocho nueve doble"
)
# Scripts that may be mixed in one word; in any other mix letters imitate each other.
MIXED_SCRIPTS = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "IDEOGRAPHIC"}
)
COMMON_SCRIPT = frozenset({"MODIFIER", "COMBINING", "FEMININE", "MASCULINE"})


def is_name(text: str) -> bool:
    """Say whether a mail may greet by this text."""
    folded = normalise("NFKC", text)
    if "MATHEMATICAL" in "".join(unicodedata.name(character, "") for character in text):
        return False
    if not 0 < len(text) <= MAX_LENGTH or not (_matches_pattern(text) and _matches_pattern(folded)):
        return False
    words = folded.replace(",", "").split()
    return (
        all(map(_is_of_one_script, words))
        and sum(unicodedata.numeric(one, None) is not None for one in folded) <= MAX_NUMERALS
        and not _is_message([_folded_letters(word) for word in words])
        and _has_case_of_a_name(words)
    )


def _matches_pattern(text: str) -> bool:
    return all(WORD.fullmatch(word) for word in _pattern(text).split(" "))


def _pattern(text: str) -> str:
    """Replace letters by L, marks by M, punctuation by one character per kind, the rest by X."""
    kinds = []
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        kind = (
            "L"
            if category in LETTERS
            else "M"
            if category in MARKS
            else PUNCTUATION.get(character, "X")
        )
        if kind == "·" and _imitates_a_dot(text[max(position - 1, 0) : position + 2].casefold()):
            kind = "X"
        kinds.append(kind)
    return "".join(kinds)


def _imitates_a_dot(around: str) -> bool:
    """Say whether a middle dot is in a Latin word, except for the Catalan one of "Gal·la"."""
    return around != "l·l" and any("LATIN" in unicodedata.name(one, "") for one in around)


def _is_of_one_script(word: str) -> bool:
    """Say whether a word is of one script, and not too long for it."""
    letters = [character for character in word if unicodedata.category(character) in LETTERS]
    scripts = {unicodedata.name(letter, "X").split()[0] for letter in letters} - COMMON_SCRIPT
    ideographs = sum("CJK" in unicodedata.name(letter, "") for letter in letters)
    return (
        (len(scripts) <= 1 or scripts <= MIXED_SCRIPTS)
        and len(word) <= MAX_WORD_LENGTH
        and ideographs <= MAX_IDEOGRAPHS
    )


def _folded_letters(word: str) -> str:
    """Return the letters of a word, case-folded and without marks."""
    return "".join(filter(str.isalpha, fold(word)))


def _is_message(words: list[str]) -> bool:
    """Say whether words are a message, or spell out an address or a number."""
    spelt_out = any(one in SPELT_SEPARATORS for one in words[1:-1])
    numbers = sum(one in NUMBER_WORDS for one in words)
    return spelt_out or numbers > MAX_NUMBER_WORDS or not MESSAGE_WORDS.isdisjoint(words)


def _has_case_of_a_name(words: list[str]) -> bool:
    """Say whether the number of words and their capitals are those of a name."""
    own = [word for word in words if word != "&" and _folded_letters(word) not in PARTICLES]
    if not 0 < len(own) <= MAX_WORDS:
        return False
    if any(len(re.findall(r"[a-z](?=[A-Z])", word)) > MAX_CAPITALS_WITHIN for word in own):
        return False
    letters = [next(filter(str.isalpha, word)) for word in own]
    return len(own) <= MAX_WORDS_IN_ANY_CASE or not any(map(str.islower, letters))
