"""How good search is: rankings of judged collections, and corrections of known misspellings."""
