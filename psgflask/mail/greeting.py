"""Whom a mail greets: somebody by their name, or nobody.

Strangers type the name into a form, with somebody else's address. What may be a message, a
telephone number or a link, for a person or for a mail program, is not passed on: then the mail
greets nobody. A name that is refused loses nothing else.
"""

import re
import unicodedata

from psgflask.core.folding import fold, normalize

LONGEST, LONGEST_WORD, MOST_IDEOGRAPHS = 60, 35, 6
MOST_WORDS = 6  # beside particles
MOST_IN_ANY_CASE = 3  # of more words each begins with a capital, where there are any
MOST_CAPITALS_WITHIN = 2  # "MacDonald", "DeLaCruz"
MOST_NUMERALS = 4  # signs that are a number by themselves, as 三 in 三郎
MOST_NUMBER_WORDS = 2

SIGNS = {
    **dict.fromkeys("'’‘‛`´′׳״", "'"),
    **dict.fromkeys("-‐‑‒–־֊", "-"),
    **dict.fromkeys("·・‧་", "·"),
    **{sign: sign for sign in " .,&"},
}
LETTERS, MARKS = {"Lu", "Ll", "Lt", "Lm", "Lo"}, {"Mn", "Mc"}
# Of a text whose letters are written L and their marks M. Initials ("J.R.", "J.-P.", "M.ª"); one
# word or several joined ("O'Neill-Pérez", "ホセ・ペレス"), with a full stop if it is a short one
# ("Dr.", "Srta."). No full stop stands before two letters, as in what is taken for a domain.
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
# What messages hold and hardly a name does, and addresses as people spell them for people. Whoever
# is called so after all is greeted without a name.
OF_MESSAGES = _words(
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
SPELT_DOTS = _words("dot punto arroba")
NUMBER_WORDS = _words(
    "zero oh one two three four five six seven eight nine double triple"
    " cero uno dos tres cuatro cinco seis siete ocho nueve doble"
)
# Scripts that one word may hold together; any other two in one word imitate each other's letters.
TOGETHER = frozenset({"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "IDEOGRAPHIC"})
OF_NO_SCRIPT = frozenset({"MODIFIER", "COMBINING", "FEMININE", "MASCULINE"})


def is_name(text: str) -> bool:
    """Say whether a line is a name that a mail may greet by."""
    folded = normalize("NFKC", text)
    if "MATHEMATICAL" in "".join(unicodedata.name(sign, "") for sign in text):
        return False
    if not 0 < len(text) <= LONGEST or not (_has_shape(text) and _has_shape(folded)):
        return False
    words = folded.replace(",", "").split()
    return (
        all(map(_is_of_one_script, words))
        and sum(unicodedata.numeric(sign, None) is not None for sign in folded) <= MOST_NUMERALS
        and not _is_message([_plain(word) for word in words])
        and _is_cased_as_names_are(words)
    )


def _has_shape(text: str) -> bool:
    return all(WORD.fullmatch(word) for word in _pattern(text).split(" "))


def _pattern(text: str) -> str:
    """Write L for a letter, M for a mark, one sign for each kind of others, X for the rest."""
    kinds = []
    for at, sign in enumerate(text):
        category = unicodedata.category(sign)
        kind = "L" if category in LETTERS else "M" if category in MARKS else SIGNS.get(sign, "X")
        if kind == "·" and _imitates_a_dot(text[max(at - 1, 0) : at + 2].casefold()):
            kind = "X"
        kinds.append(kind)
    return "".join(kinds)


def _imitates_a_dot(within: str) -> bool:
    """Say whether a middle dot stands in a Latin word, unless between the letters of "Gal·la"."""
    return within != "l·l" and any("LATIN" in unicodedata.name(sign, "") for sign in within)


def _is_of_one_script(word: str) -> bool:
    """Say whether a word is of one script, and no longer than its words are."""
    letters = [sign for sign in word if unicodedata.category(sign) in LETTERS]
    scripts = {unicodedata.name(sign, "X").split()[0] for sign in letters} - OF_NO_SCRIPT
    ideographs = sum("CJK" in unicodedata.name(sign, "") for sign in letters)
    return (
        (len(scripts) <= 1 or scripts <= TOGETHER)
        and len(word) <= LONGEST_WORD
        and ideographs <= MOST_IDEOGRAPHS
    )


def _plain(word: str) -> str:
    """Return a word folded, with letters alone."""
    return "".join(char for char in fold(word) if char.isalpha())


def _is_message(words: list[str]) -> bool:
    """Say whether words speak to somebody, or spell an address or a number."""
    spelt = any(one in SPELT_DOTS for one in words[1:-1])
    numbers = sum(one in NUMBER_WORDS for one in words)
    return spelt or numbers > MOST_NUMBER_WORDS or not OF_MESSAGES.isdisjoint(words)


def _is_cased_as_names_are(words: list[str]) -> bool:
    """Say whether these are no more words than a name has, with capitals where names have them."""
    own = [word for word in words if word != "&" and _plain(word) not in PARTICLES]
    if not 0 < len(own) <= MOST_WORDS:
        return False
    if any(len(re.findall(r"[a-z](?=[A-Z])", word)) > MOST_CAPITALS_WITHIN for word in own):
        return False
    letters = [next(sign for sign in word if sign.isalpha()) for word in own]
    return len(own) <= MOST_IN_ANY_CASE or not any(map(str.islower, letters))
