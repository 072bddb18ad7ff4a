"""A real browser without a window, and pages to look at."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.trajectories.inspector import samples
from trajectories.inspector import Collection, static_page

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


class Browser:
    """Chromium, driven as a reader drives it."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def open(self, page: Path | str, place: str = "", *, width: int = 1280, height: int = 900) -> None:
        """Open a page anew, with nothing left of the ones before."""
        self.size(width, height)
        self.theme("light")
        self.driver.get("about:blank")
        self.requests(), self.console()
        self.driver.get(f"{page.as_uri() if isinstance(page, Path) else page}{place}")
        self.until("return document.querySelector('#main .empty') === null || document.title !== 'Attempts'")

    def size(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def theme(self, scheme: str) -> None:
        """What the system says it likes: light or dark."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def run(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, script: str, *arguments: Any) -> Any:
        """Wait until a script gives something true, and give that."""
        wait = WebDriverWait(self.driver, 15, poll_frequency=0.03)
        return wait.until(lambda driver: driver.execute_script(script, *arguments), script)

    def press(self, keys: str) -> None:
        ActionChains(self.driver, duration=0).send_keys(keys).perform()

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements("css selector", selector)

    def one(self, selector: str, words: str = "") -> WebElement:
        """The element with these words in it; there is exactly one."""
        found = [element for element in self.all(selector) if words in element.text]
        assert len(found) == 1, f"{len(found)} of {selector} with {words!r}"
        return found[0]

    def texts(self, selector: str) -> list[str]:
        return list(self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText)", selector))

    def requests(self) -> list[str]:
        """What was asked for since the last time, data that is in the page itself left out."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith("data:")]

    def console(self) -> list[str]:
        """What the console says since the last time: errors, and what the policy forbade."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def shot(self, name: str) -> bytes:
        """A picture of the view; kept where ``PATCHWRIGHT_SCREENSHOTS`` names a directory."""
        picture = self.driver.get_screenshot_as_png()
        if directory := os.environ.get("PATCHWRIGHT_SCREENSHOTS"):
            Path(directory, f"{name}.png").write_bytes(picture)
        return picture


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all tests. In CI a missing one is a failure, elsewhere a skip."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver_binary = shutil.which("chromedriver")
    if not binary or not driver_binary:
        if os.environ.get("CI"):
            pytest.fail("CI needs a browser: apt-get install chromium chromium-driver")
        pytest.skip("no Chromium with its driver (apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(driver_binary))
    yield Browser(driver)
    driver.quit()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """The browser; whatever a test did with it, the console said nothing and only the page itself was asked for."""
    yield chromium
    assert chromium.console() == []


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run of fifty attempts."""
    return samples.run_of_fifty(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def run_page(run: Path) -> Path:
    return page_of(run, run / "page.html")


def page_of(trajectories: Path, file: Path) -> Path:
    file.write_text(static_page(Collection([trajectories])))
    return file
