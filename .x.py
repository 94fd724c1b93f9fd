import random,sys,tempfile,pathlib
from tests.search.test_equality import *
from collections import Counter
index=in_state(pathlib.Path(tempfile.mkdtemp()),SEVERAL)
for kind,f in GLOSSARY_KINDS.items():
    rng=random.Random(kind); c=Counter()
    for _ in range(20):
        q,ask=f(rng),an_ask(rng)
        query=expanded(parse(q),GLOSSARY,ask.language)
        a=index.engine.search(query,ask)
        b=index.engine.search(parse(q),ask)
        c[a.step.name]+=1; c["concepts"]+=bool(query.concepts); c["more"]+=a.total>b.total; c["own and others"]+= 0<b.total<a.total; c["order"]+= a.ids!=b.ids
    print(kind,dict(c))
