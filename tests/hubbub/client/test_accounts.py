"""Credentials are read from a file as people and spreadsheets write it, and never shown."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.client.accounts import Account, read_accounts
from hubbub.errors import ConfigError


def pairs(accounts):
    return [(each.email, each.password) for each in accounts]


@pytest.fixture
def read(tmp_path):
    def read(content, encoding="utf-8"):
        path = tmp_path / "accounts.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return pairs(read_accounts(str(path)))

    return read


def test_a_password_is_never_shown():
    assert "hunter2" not in repr(Account(0, "a@x.y", "hunter2", [0]))


@pytest.mark.parametrize(
    "content",
    [
        "email,password\na@x.y,p\nb@x.y,q\n",
        "\ufeffemail,password\r\na@x.y,p\r\nb@x.y,q\r\n",
        "email;password\na@x.y;p\nb@x.y;q",
        "email\tpassword\ra@x.y\tp\rb@x.y\tq\r",
        "Email,Password\na@x.y,p\nb@x.y,q\n",
        "email, password\na@x.y, p\nb@x.y, q\n",
        " E-Mail | PASSWORD \n a@x.y |p\nb@x.y|q\n",
        "'email','password'\n'a@x.y','p'\n'b@x.y','q'\n",
        "name,password,role,email\nAda,p,admin,a@x.y\nBob,q,,b@x.y\n",
        "# ours\n\nemail,password\n# a comment, with a comma\na@x.y,p\n\n , \nb@x.y,q\n",
    ],
)
def test_every_way_to_write_it_is_read(read, content):
    assert read(content) == [("a@x.y", "p"), ("b@x.y", "q")]


def test_a_password_may_begin_as_a_comment_does(read):
    assert read("password,email\n#Secret123!,a@x.y\n# none,here\n") == [("a@x.y", "#Secret123!")]


def test_what_spreadsheets_call_unicode_text_is_read(read):
    assert read("email\tpassword\r\na@x.y\tp\r\n", "utf-16") == [("a@x.y", "p")]


@pytest.mark.parametrize("password", [" p ", "a,b", 'say "hi"', "#1", "two\nlines", "\u00e4\u4e2d"])
def test_a_password_is_taken_as_it_is(read, password):
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["email", "password"], ["a@x.y", password]])
    assert read(file.getvalue()) == [("a@x.y", password)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "must begin with the columns email,password; it is empty"),
        ("email\na@x.y\n", "its first line has 1 columns, and of those names email"),
        ("a@x.y,hunter2\n", "it has no names of columns: its first line is an e-mail, something else"),
        ("user;secret\nx;hunter2\n", "its first line has 2 columns, and of those names none"),
        ("email,password,password\n", "and of those names email, password, password"),
        ("email,password\n", "has the columns email and password, and no account"),
        ("email,password\na@x.y,p\nb@x.y,\n", "line 3, column 2: the password is missing"),
        ("email,password\n,hunter2\n", "line 2, column 1: the email is missing"),
        ("email,password\na@x.y\n", "line 2, column 2: the password is missing"),
        ("email,password\na@x.y,p\nb@x.y,q\na@x.y,hunter2\n", "line 4: a@x.y is in line 2 already"),
        ('email,password\na@x.y,"hunter2\n', "line 2: this is no CSV"),
        ('# see,"x\nemail,password\ny",z\na@b,c\n', "a quote is open before the columns"),
        (b"email,password\na@x.y,\xff\n", "must be text in UTF-8; byte 21 is none"),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_no_password(read, content, sentence):
    with pytest.raises(ConfigError) as refused:
        read(content)
    assert sentence in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_accounts(str(tmp_path / "none.csv"))


LETTERS = st.characters(blacklist_categories=("Cs", "Cc"))
ROWS = st.lists(
    st.tuples(st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.[a-z]{2,3}", fullmatch=True), st.text(LETTERS, min_size=1)),
    min_size=1,
    unique_by=lambda row: row[0],
)
FORMATS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)


@given(ROWS, FORMATS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_whatever_csv_writes_is_read(tmp_path_factory, rows, form, encoding):
    rows = [(email, password) for email, password in rows if password.strip()] or [("a@x.y", "p")]
    file = io.StringIO(newline="")
    csv.writer(file, **form).writerows([("email", "password"), *rows])
    path = tmp_path_factory.mktemp("accounts") / "a.csv"
    path.write_bytes(file.getvalue().encode(encoding))
    assert pairs(read_accounts(str(path))) == rows


def test_further_columns_are_kept(tmp_path):
    (tmp_path / "a.csv").write_text("tenant,email,password,Token\nacme,a@x.y,p,t1\n,b@x.y,q\n")
    assert [each.columns for each in read_accounts(str(tmp_path / "a.csv"))] == [
        {"tenant": "acme", "Token": "t1"},
        {"tenant": ""},
    ]
