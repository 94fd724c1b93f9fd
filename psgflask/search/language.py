"""Text analysis: words, folding, stems and stop words of English and Spanish."""

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import local

import snowballstemmer

from psgflask.core import folding

# A letter or digit, with the combining marks that follow it in decomposed text.
_WORD = re.compile(r"[^\W_]+(?:[\u0300-\u036f]+[^\W_]*)*")
_PLAIN_WORD = re.compile(r"[^\W_]+")
_ALGORITHMS = {"en": "english", "es": "spanish"}
_stemmers = local()
# Letters of a word whose folded form or stem is cached: longer ones are no words, but there are
# endlessly many of them.
MAX_CACHED_WORD = 40


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text: folded, and in lower case as typed where that has accents (else "")."""

    folded: str
    accented: str


def fold(text: str) -> str:
    """Drop case and combining marks: "Castañeda" gives "castaneda"."""
    return _folded(text) if len(text) <= MAX_CACHED_WORD else folding.fold(text)


_folded = lru_cache(maxsize=20_000)(folding.fold)


def words(text: str) -> list[Word]:
    """Return the words of a text in order: maximal runs of letters and digits, folded.

    An apostrophe separates words: "Peru's" gives "peru" and "s".
    """
    return [word for each in raw_words(text) for word in analyse(each)]


def located_words(text: str) -> list[tuple[int, int, Word]]:
    """Return (start, end, word) of each word, in positions of the text itself."""
    return [
        (match.start(), match.end(), word)
        for match in _WORD.finditer(text)
        for word in analyse(match[0])
    ]


def raw_words(text: str) -> list[str]:
    """Return the words of a text as they are written in it; `analyse` makes words of each."""
    return _WORD.findall(text)


def analyse(raw: str) -> tuple[Word, ...]:
    """Return the folded words of a word as written: one, rarely several or none."""
    return _analysed(raw) if len(raw) <= MAX_CACHED_WORD else _analyse(raw)


def _analyse(raw: str) -> tuple[Word, ...]:
    found = _PLAIN_WORD.findall(fold(raw))
    if len(found) != 1:  # such as a fraction sign, which folds to two numbers
        return tuple(Word(part, "") for part in found)
    lower = folding.normalise("NFC", raw).casefold()
    return (Word(found[0], lower if lower != found[0] else ""),)


_analysed = lru_cache(maxsize=20_000)(_analyse)


def stem(folded: str, language: str) -> str:
    """Return the Snowball stem of a folded word in "en" or "es"."""
    return _stem(folded, language) if len(folded) <= MAX_CACHED_WORD else _stemmed(folded, language)


def _stemmed(folded: str, language: str) -> str:
    # A stemmer holds the word that it works on, so each thread has its own.
    stemmer = getattr(_stemmers, language, None)
    if stemmer is None:
        stemmer = snowballstemmer.stemmer(_ALGORITHMS[language])
        setattr(_stemmers, language, stemmer)
    return str(stemmer.stemWord(folded))


_stem = lru_cache(maxsize=50_000)(_stemmed)


# Stop words are too common to search for; they stay in the index for phrases. The lists are
# whoosh.lang.stopwords.stoplists of Whoosh 2.7 ("en" and "es"), folded, and copied so that parsing
# a query needs no index library; a test compares them with their source.
ENGLISH = frozenset(
    """
    a about above after again against all am an and any are as at be because been before being
    below between both but by can did do does doing don down during each few for from further
    had has have having he her here hers herself him himself his how i if in into is it its
    itself just me more most my myself no nor not now of off on once only or other our ours
    ourselves out over own s same she should so some such t than that the their theirs them
    themselves then there these they this those through to too under until up very was we were
    what when where which while who whom why will with you your yours yourself yourselves
    """.split()  # noqa: SIM905  # a list of words reads better than 300 lines
)

SPANISH = frozenset(
    """
    a al algo algunas algunos ante antes como con contra cual cuando de del desde donde durante
    e el ella ellas ellos en entre era erais eramos eran eras eres es esa esas ese eso esos esta
    estaba estabais estabamos estaban estabas estad estada estadas estado estados estais estamos
    estan estando estar estara estaran estaras estare estareis estaremos estaria estariais
    estariamos estarian estarias estas este esteis estemos esten estes esto estos estoy estuve
    estuviera estuvierais estuvieramos estuvieran estuvieras estuvieron estuviese estuvieseis
    estuviesemos estuviesen estuvieses estuvimos estuviste estuvisteis estuvo fue fuera fuerais
    fueramos fueran fueras fueron fuese fueseis fuesemos fuesen fueses fui fuimos fuiste
    fuisteis ha habeis habia habiais habiamos habian habias habida habidas habido habidos
    habiendo habra habran habras habre habreis habremos habria habriais habriamos habrian
    habrias han has hasta hay haya hayais hayamos hayan hayas he hemos hube hubiera hubierais
    hubieramos hubieran hubieras hubieron hubiese hubieseis hubiesemos hubiesen hubieses hubimos
    hubiste hubisteis hubo la las le les lo los mas me mi mia mias mio mios mis mucho muchos muy
    nada ni no nos nosotras nosotros nuestra nuestras nuestro nuestros o os otra otras otro
    otros para pero poco por porque que quien quienes se sea seais seamos sean seas sentid
    sentida sentidas sentido sentidos sera seran seras sere sereis seremos seria seriais
    seriamos serian serias si siente sin sintiendo sobre sois somos son soy su sus suya suyas
    suyo suyos tambien tanto te tendra tendran tendras tendre tendreis tendremos tendria
    tendriais tendriamos tendrian tendrias tened teneis tenemos tenga tengais tengamos tengan
    tengas tengo tenia teniais teniamos tenian tenias tenida tenidas tenido tenidos teniendo ti
    tiene tienen tienes todo todos tu tus tuve tuviera tuvierais tuvieramos tuvieran tuvieras
    tuvieron tuviese tuvieseis tuviesemos tuviesen tuvieses tuvimos tuviste tuvisteis tuvo tuya
    tuyas tuyo tuyos un una uno unos vosostras vosostros vuestra vuestras vuestro vuestros y ya
    yo
    """.split()  # noqa: SIM905  # a list of words reads better than 300 lines
)

# Spanish stop words by their list, yet names of things that readers look for ("sea", "son" and
# "era" are English words besides).
NAMES_IN_LIST = frozenset(("sea", "son", "era", "estado", "estados", "estada", "estadas"))
# What an apostrophe leaves behind: "Peru's", "don't".
APOSTROPHE_REMNANTS = frozenset(("s", "t"))

STOP_WORDS = ((ENGLISH | SPANISH) - NAMES_IN_LIST) | APOSTROPHE_REMNANTS
