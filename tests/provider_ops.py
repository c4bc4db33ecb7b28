"""EPO's Open Patent Services on loopback: tokens that expire, searches that count, throttling, on good and bad days.

Belongs here: what OPS serves. The transport and the ways it fails are `provider.py`'s. Does not belong here: what a test
expects.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field

from tests.provider import JSON, XML, Answer, EurostatServer, Request

BASE_PATH = "/3.2"
TOKEN, SEARCH = f"{BASE_PATH}/auth/accesstoken", f"{BASE_PATH}/rest-services/published-data/search"
KEY, SECRET = "a-key-of-the-tests", "a-secret/of+the tests"
FAULT = '<?xml version="1.0" encoding="UTF-8"?><fault xmlns="http://ops.epo.org"><code>{code}</code><message>{words}</message></fault>'
EXPIRED = (
    "<error><code>400</code><message>invalid_access_token</message>"
    "<description>Access token has expired</description></error>"
)
RESULT = (
    '<?xml version="1.0" encoding="UTF-8"?><ops:world-patent-data xmlns:ops="http://ops.epo.org">'
    '<ops:meta name="elapsed-time" value="{number}"/><ops:biblio-search total-result-count="{hits}">'
    '<ops:query syntax="CQL">the query</ops:query><ops:range begin="{first}" end="{last}"/>'
    "<ops:search-result>{references}</ops:search-result></ops:biblio-search></ops:world-patent-data>"
)
REFERENCE = (
    '<ops:publication-reference system="ops.epo.org" family-id="{number}"><document-id document-id-type="docdb">'
    "<country>EP</country><doc-number>{number}</doc-number><kind>A1</kind></document-id></ops:publication-reference>"
)
# of a query, and of one index in it, names counted by their words
MOST_TERMS, MOST_TERMS_AN_INDEX = 20, 10
MOST_TOTAL, MOST_LISTED = 10_000, 2_000


@dataclass(frozen=True)
class Document:
    """One publication of the EPO: its day as YYYYMMDD, its applicants' names, its CPC symbols."""

    day: str
    names: list[str]
    symbols: list[str]


@dataclass
class Quota:
    """What the headers of every answer say."""

    throttling: str = (
        "idle (images=green:200, inpadoc=green:60, other=green:1000, retrieval=green:200, search=green:60000)"
    )
    week_used: int = 12_345
    more: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        used = {"X-RegisteredQuotaPerWeek-Used": str(self.week_used), "X-IndividualQuotaPerHour-Used": "512"}
        return {"X-Throttling-Control": self.throttling} | used | self.more


class OpsServer(EurostatServer):
    """OPS, up inside its `with` block. `behave` and `answer_of` take paths: TOKEN, SEARCH."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.documents: list[Document] = []
        self.quota = Quota()
        self.good_for = 10**9  # searches a token lives
        self._tokens: dict[str, int] = {}

    @property
    def host(self) -> str:
        # by name, so that its rate limit is not that of the other providers on loopback
        return f"http://localhost:{self.port}"

    @property
    def searches(self) -> list[str]:
        """The CQL of every search so far."""
        return [request.query["q"][0] for request in self.requests if request.path == SEARCH]

    @property
    def tokens(self) -> int:
        """How many were given out."""
        return len(self._tokens)

    def route(self, request: Request, damage: object = None) -> Answer:
        if request.path == TOKEN:
            return self._token(request)
        if request.path == SEARCH:
            return self._search(request)
        return self._fault(404, "CLIENT.NotFound", "No such service")

    def _token(self, request: Request) -> Answer:
        wanted = "Basic " + base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        if request.method != "POST" or request.body != b"grant_type=client_credentials":
            return self._fault(400, "CLIENT.BadRequest", "POST grant_type=client_credentials")
        if request.headers.get("Authorization") != wanted:
            return self._fault(401, "CLIENT.InvalidCredentials", "ClientId is Invalid")
        token = f"a-token-of-the-tests-{len(self._tokens)}"
        self._tokens[token] = self.good_for
        told = {"access_token": token, "token_type": "BearerToken", "expires_in": "1199"}
        return Answer(body=json.dumps(told).encode(), content_type=JSON, headers=self.quota.headers())

    def _search(self, request: Request) -> Answer:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0) <= 0:
            return Answer(400, EXPIRED.encode(), XML, self.quota.headers())
        self._tokens[token] -= 1
        cql = request.query["q"][0]
        if told := self._too_many_terms(cql):
            self.violations.append(f"{told}: {cql}")
            return self._fault(413, "CLIENT.ScopeTermsMaximumNumber", told)
        first, last = map(int, request.headers.get("X-OPS-Range", "1-25").split("-"))
        if not 1 <= first <= last < first + 100 or last > MOST_LISTED:
            return self._fault(413, "CLIENT.InvalidQuery", f"The range {first}-{last}")
        found = self._found(cql)
        if not found:
            return self._fault(404, "SERVER.EntityNotFound", "No results found")
        references = "".join(REFERENCE.format(number=1_000_000 + one) for one in found[first - 1 : last])
        body = RESULT.format(
            hits=min(len(found), MOST_TOTAL),
            number=len(self.requests),
            first=first,
            last=last,
            references=references,
        )
        return Answer(body=body.encode(), content_type=XML, headers=self.quota.headers())

    @staticmethod
    def _too_many_terms(cql: str) -> str:
        """What of the limits on terms the query breaks; empty where it keeps them."""
        by_index: dict[str, int] = {}
        for index, quoted, bare in re.findall(r'(\w+)\s*(?:=|within)\s*(?:"([^"]*)"|(\S+))', cql):
            by_index[index] = by_index.get(index, 0) + len(re.findall(r"[^\W_]+", quoted or bare))
        if sum(by_index.values()) > MOST_TERMS:
            return f"{sum(by_index.values())} terms in the query"
        most = max(by_index.values(), default=0)
        return f"{most} terms of one index" if most > MOST_TERMS_AN_INDEX else ""

    def _found(self, cql: str) -> list[int]:
        """The documents that a query finds, by their place among all."""
        asked = re.fullmatch(r'pn=EP and \((.+?)\) and \((.+?)\) and pd within "(\d{8}) (\d{8})"', cql)
        if not asked:
            return []  # a search that is not understood finds nothing
        names, classes = re.findall(r'pa="([^"]+)"', asked[1]), re.findall(r"cpc=(\w+)", asked[2])
        return [
            place
            for place, document in enumerate(self.documents)
            if asked[3] <= document.day <= asked[4]
            and any(name in given.lower() for name in names for given in document.names)
            and any(symbol.startswith(one) for one in classes for symbol in document.symbols)
        ]

    def _fault(self, status: int, code: str, words: str) -> Answer:
        return Answer(status, FAULT.format(code=code, words=words).encode(), XML, self.quota.headers())
