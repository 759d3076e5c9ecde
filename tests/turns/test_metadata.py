"""What the service says beside an answer, read without trusting its shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livewidget.events import CodeResult, ExecutableCode
from livewidget.turns import CodeRun, WebPage, WebSource, metadata
from livewidget.turns.metadata import CodeRuns, host_of, language_of, pages_of, queries_of, sources_of

WIKI = {"web": {"uri": "https://en.wikipedia.org/wiki/Tide", "title": "Tide"}}


def test_sources_and_queries_are_read_once_each_in_order():
    grounding = {
        "webSearchQueries": ["tides", " why  tides ", "tides"],
        "groundingChunks": [WIKI, {"web": {"uri": "http://noaa.example/a", "title": " "}}, WIKI],
        "searchEntryPoint": {"renderedContent": "<script>alert(1)</script>"},
    }
    assert queries_of(grounding) == ("tides", "why tides")
    wiki = WebSource("Tide", "https://en.wikipedia.org/wiki/Tide")
    assert sources_of(grounding) == (wiki, WebSource("noaa.example", "http://noaa.example/a"))
    more = {"groundingChunks": [{"maps": {"uri": "https://maps.example/x", "title": "Pier"}}]}
    assert [source.title for source in sources_of(more, (wiki,))] == ["Tide", "Pier"]


def test_pages_keep_their_last_status():
    first = {"urlMetadata": [{"retrievedUrl": "https://a.example/", "urlRetrievalStatus": "nonsense !"}]}
    read = "URL_RETRIEVAL_STATUS_SUCCESS"
    again = {"urlMetadata": [{"retrievedUrl": "https://a.example/", "urlRetrievalStatus": read}]}
    assert pages_of(first) == (WebPage("https://a.example/", "UNKNOWN"),)
    assert pages_of(again, pages_of(first)) == (WebPage("https://a.example/", "SUCCESS"),)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "//evil.example/x",
        "https:evil",
        "https://",
        "https://good.example@evil.example/",
        "https://good.example\\@evil.example/",
        "https://good.example/\njavascript:alert(1)",
        " https://good.example/",
        "https://good.example:port/",
        "https://[::1",
        "https://good.example/" + "x" * 5000,
        "",
        None,
        7,
        b"https://good.example/",
        ["https://good.example/"],
    ],
)
def test_nothing_else_becomes_a_link(address):
    assert host_of(address) is None
    assert sources_of({"groundingChunks": [{"web": {"uri": address, "title": "x"}}]}) == ()
    assert pages_of({"urlMetadata": [{"retrievedUrl": address}]}) == ()


@pytest.mark.parametrize(
    "address",
    ["https://a.example", "HTTP://A.Example:8080/x?y#z", "https://例え.jp/", "https://[2001:db8::1]/"],
)
def test_plain_addresses_do(address):
    assert host_of(address)
    assert sources_of({"groundingChunks": [{"web": {"uri": address}}]})[0].uri == address


def test_what_is_too_long_is_cut_and_what_is_too_much_dropped():
    chunks = [{"web": {"uri": f"https://a.example/{n}", "title": "x" * 9999}} for n in range(999)]
    sources = sources_of({"groundingChunks": chunks, "webSearchQueries": [str(n) for n in range(999)]})
    assert len(sources) == metadata.MOST_SOURCES
    assert {len(source.title) for source in sources} == {metadata.TITLE_LENGTH}
    queries = queries_of({"webSearchQueries": [f"{n} " + "y" * 999 for n in range(999)]})
    assert len(queries) == metadata.MOST_QUERIES
    pages = [{"retrievedUrl": f"https://a.example/{n}"} for n in range(999)]
    assert len(pages_of({"urlMetadata": pages})) == metadata.MOST_PAGES
    runs = CodeRuns()
    for _ in range(99):
        code = runs.add_code(ExecutableCode(code="x" * 99_999))
    assert len(code) == metadata.MOST_RUNS
    assert len(code[0].code) == metadata.CODE_LENGTH


def test_results_find_their_code():
    runs = CodeRuns()
    runs.add_code(ExecutableCode(code="a()", language="PYTHON", id="1"))
    runs.add_code(ExecutableCode(code="b()", language="python", id="2"))
    assert runs.add_result(CodeResult(outcome="OUTCOME_FAILED", output="no", id="2")) == (
        CodeRun("PYTHON", "a()"),
        CodeRun("PYTHON", "b()", "FAILED", "no"),
    )
    assert runs.add_result(CodeResult(outcome="OUTCOME_OK", output="yes"))[0].outcome == "OK"
    assert runs.add_result(CodeResult(output="stray"))[-1] == CodeRun(None, "", "UNKNOWN", "stray")


@pytest.mark.parametrize("code", ["en", "es-419", "cmn-Hans-CN", "zh"])
def test_languages(code):
    assert language_of(code) == code


@pytest.mark.parametrize("code", [None, "", "x", "en_US ", "<b>", "e" * 99, "en-", "é-fr"])
def test_what_is_no_language(code):
    assert language_of(code) is None


JUNK = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.sampled_from(["", "x", "https://a.example", "<b>"]),
        st.just(WIKI["web"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["groundingChunks", "webSearchQueries", "web", "uri", "title", "urlMetadata", "retrievedUrl"]
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["groundingChunks", "webSearchQueries", "urlMetadata"]), JUNK))
def test_any_shape_is_read(junk):
    for source in sources_of(junk):
        assert host_of(source.uri)
        assert source.title
    for page in pages_of(junk):
        assert host_of(page.url)
    assert all(queries_of(junk))
