"""The web UI in a real Chromium, used as a person uses it."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support import WebUi, free_port

pytestmark = pytest.mark.browser
CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000


@pytest.fixture
def page():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1400, "height": 1400})
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        yield page
        browser.close()


@pytest.fixture
def web_ui(hubbub):
    return WebUi(hubbub("ui", "--web-port", free_port()))


def open_form(page, origin):
    page.goto(origin)
    expect(page.get_by_role("button", name=re.compile("start", re.I))).to_be_visible()
    page.get_by_text("Custom parameters").click()


def test_a_run_is_started_watched_stopped_and_found(page, web_ui):
    open_form(page, web_ui.origin)
    page.locator("input[name=userCount]").fill("12")
    page.locator("input[name=spawnRate]").fill("50")
    page.locator("input[name=messageInterval]").fill("200ms")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    for row in ("conversation", "ticket", "connect", "join"):
        expect(page.get_by_role("cell", name=row, exact=True)).to_be_visible()
    web_ui.program.wait_for("clients are ready; sending")
    page.get_by_role("button", name=re.compile("stop", re.I)).click()
    folder = Path(web_ui.program.wait_for(r"Results: (\S+)")[1])
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["connections"]["attempted"] == summary["connections"]["succeeded"] == 12
    assert summary["messages"]["sent"] == summary["messages"]["confirmed"]
    assert summary["deliveries"]["lost"] == 0
    assert (folder / "locust_stats_history.csv").exists()


def test_the_shape_is_a_dropdown_that_works(page, web_ui):
    open_form(page, web_ui.origin)
    page.locator("input[name=userCount]").fill("5")
    page.locator("input[name=spawnRate]").fill("50")
    page.locator("input[name=duration]").fill("3s")
    page.locator("select[name=shape]").select_option("steps")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    web_ui.program.wait_for(r"hubbub: shape steps")
    folder = Path(web_ui.program.wait_for(r"Results: (\S+)")[1])
    assert json.loads((folder / "config.json").read_text())["shape"] == "steps"


def test_the_run_time_of_the_form_is_the_duration(page, web_ui):
    open_form(page, web_ui.origin)
    page.locator("input[name=userCount]").fill("4")
    page.locator("input[name=messageInterval]").fill("500ms")
    page.get_by_text("Advanced options").click()
    page.locator("input[name=runTime]").fill("2s")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    folder = Path(web_ui.program.wait_for(r"Results: (\S+)")[1])
    assert json.loads((folder / "config.json").read_text())["duration_us"] == 2_000_000
    assert json.loads((folder / "summary.json").read_text())["messages"]["sent"] == 16


def test_no_duration_is_fine_and_two_that_differ_are_refused(page, web_ui):
    open_form(page, web_ui.origin)
    page.locator("input[name=duration]").fill("5s")
    page.get_by_text("Advanced options").click()
    page.locator("input[name=runTime]").fill("2s")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    expect(page.get_by_text("Run time is '2s' and Duration is '5s'").first).to_be_visible()
    page.locator("input[name=duration]").fill("")
    page.locator("input[name=runTime]").fill("")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    web_ui.program.wait_for("clients are ready; sending until it is stopped")


def test_a_profile_that_comes_too_late_is_a_sentence(page, web_ui):
    open_form(page, web_ui.origin)
    page.get_by_text("Advanced options").click()
    page.locator("input[name=profile]").fill("medium")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    expect(page.get_by_text("start with hubbub ui --profile medium").first).to_be_visible()


def test_a_bad_value_is_shown_as_a_sentence(page, web_ui):
    open_form(page, web_ui.origin)
    page.locator("input[name=messageInterval]").fill("5x")
    page.get_by_role("button", name=re.compile("start", re.I)).click()
    expect(page.get_by_text("message-interval must be a duration such as").first).to_be_visible()
