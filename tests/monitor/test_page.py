# SPDX-License-Identifier: MIT
"""Tests the page in a real browser, with real cameras: people see what happens, in time, and nothing leaves this
machine."""
import json
import os
import time

import pytest
from harness.broker import wait_for

webdriver = pytest.importorskip("selenium.webdriver")
from selenium.webdriver.chrome.service import Service  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select  # noqa: E402

TOKEN = "a-token-of-the-tests"
WATCH = [{"model": "camera-watch"}]


@pytest.fixture
def make_browser():
    made = []

    def make(size=(1280, 900), scheme="light"):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", f"--window-size={size[0]},{size[1]}",
                         "--autoplay-policy=no-user-gesture-required", "--disable-background-networking", "--disable-component-update"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        # The window of a headless browser cannot be narrower than 500 pixels. A telephone's is narrower.
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        made.append(browser)
        return browser

    yield make
    for browser in made:
        browser.quit()


def log_in(browser, token):
    field = wait_for("the page asks for the token", lambda: shown(browser, "#token"))
    field.clear()
    field.send_keys(token)
    browser.find_element(By.CSS_SELECTOR, "#login button[type=submit]").click()


def shown(browser, selector):
    found = [element for element in browser.find_elements(By.CSS_SELECTOR, selector) if element.is_displayed()]
    return found[0] if found else None


def text_of(browser, selector):
    return browser.execute_script("return [...document.querySelectorAll(arguments[0])].map((e) => e.innerText).join('\\n')", selector)


# The content of a picture as a number: the picture is drawn small, and its pixels are added with weights.
PICTURE = """
const image = document.querySelector(arguments[0]);
if (!image || !image.complete || !image.naturalWidth) return 0;
const canvas = Object.assign(document.createElement('canvas'), {width: 64, height: 36});
const context = canvas.getContext('2d');
context.drawImage(image, 0, 0, 64, 36);
return context.getImageData(0, 0, 64, 36).data.reduce((sum, value, at) => (sum * 31 + value * (at % 251)) % 2147483647, 1);
"""


def requests_of(browser):
    found = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append(message["params"]["request"]["url"])
    return found


def keep_picture(browser, name):
    """Pictures for people to look at, where STA_SCREENSHOTS names a folder."""
    folder = os.environ.get("STA_SCREENSHOTS")
    if folder:
        os.makedirs(folder, exist_ok=True)
        browser.save_screenshot(os.path.join(folder, name + ".png"))


def test_page(make_browser, make_camera, make_monitor, broker, subscriber):
    camera = make_camera(size="640x360")
    cameras = {
        "gate": {"uri": camera.uri, "watch": WATCH, "record": {"before": "2s", "after": "1s"}},
        "hall": {"uri": make_camera(size="640x360").uri, "watch": WATCH},
        "shed": {"uri": "rtsp://127.0.0.1:1/live", "watch": WATCH},
    }
    monitor = make_monitor({"mqtt": {"url": broker.url}, "cameras": cameras}, token=TOKEN).start()
    monitor.wait_state("gate", "playing")
    monitor.wait_state("hall", "playing")
    address = f"http://127.0.0.1:{monitor.port}/"
    browser = make_browser()
    browser.get(address)

    # A wrong token gets nothing.
    log_in(browser, TOKEN + "x")
    wait_for("the refusal", lambda: text_of(browser, "#login-problem").strip())
    assert not shown(browser, "#main") and text_of(browser, "#camera-list") == ""
    log_in(browser, TOKEN)
    wait_for("the cameras", lambda: shown(browser, "#main") and len(browser.find_elements(By.CSS_SELECTOR, "#camera-list > li")) == 3)

    # Each camera has its name; pictures move; the camera that is down says why.
    names = [element.text for element in browser.find_elements(By.CSS_SELECTOR, "#camera-list h3")]
    assert sorted(names) == ["gate", "hall", "shed"], names
    for name in ("gate", "hall"):
        selector = f"#camera-list > li:nth-of-type({names.index(name) + 1}) img"
        first = wait_for(f"a picture of {name}", lambda selector=selector: browser.execute_script(PICTURE, selector))
        wait_for(f"the picture of {name} moves", lambda selector=selector, first=first: browser.execute_script(PICTURE, selector) not in (0, first))
    shed = f"#camera-list > li:nth-of-type({names.index('shed') + 1})"
    wait_for("why the shed is down", lambda: "o connection to 127.0.0.1:1" in text_of(browser, shed))
    wait_for("the usual label", lambda: "steady" in text_of(browser, "#camera-list"))
    keep_picture(browser, "desktop-light-camera-down")

    # An event is on the page within 2 s of its message.
    camera.cover()
    told = wait_for("the message", lambda: subscriber.events("gate", label="covered", state="start"), 15)[0][0]
    wait_for("the event", lambda: "covered" in text_of(browser, "#event-list"), 5)
    delay = time.time() - told
    assert delay < 2, delay
    wait_for("the badge", lambda: "covered" in text_of(browser, "#camera-list .badge.open"))
    keep_picture(browser, "desktop-light-event")
    camera.uncover()
    wait_for("the end", lambda: subscriber.events("gate", state="end"), 15)
    assert shown(browser, "#camera-list .badge.recording")
    wait_for("the clip", lambda: monitor.events("&camera=gate")[0]["clip_state"] == "done", 15)
    wait_for("no recording any more", lambda: not shown(browser, "#camera-list .badge.recording"), 5)

    # Its clip plays.
    browser.execute_script("document.querySelector('#event-list button, #event-list a').click()")
    wait_for("the player", lambda: shown(browser, "#player-video"))
    browser.execute_script("const video = document.querySelector('#player-video'); video.muted = true; video.play()")
    wait_for("the clip plays", lambda: browser.execute_script("return document.querySelector('#player-video').currentTime > 1"))
    assert browser.execute_script("const v = document.querySelector('#player-video'); return v.error === null && v.videoWidth") == 640
    length = browser.execute_script("return document.querySelector('#player-video').duration")
    assert 4 < length < 15, length
    keep_picture(browser, "desktop-light-clip")

    # Filters: by camera and by label.
    Select(browser.find_element(By.CSS_SELECTOR, "#filters select[name=camera]")).select_by_visible_text("hall")
    wait_for("no event of the hall", lambda: "covered" not in text_of(browser, "#event-list"))
    Select(browser.find_element(By.CSS_SELECTOR, "#filters select[name=camera]")).select_by_visible_text("gate")
    wait_for("the event of the gate", lambda: "covered" in text_of(browser, "#event-list"))
    Select(browser.find_element(By.CSS_SELECTOR, "#filters select[name=label]")).select_by_visible_text("shake")
    wait_for("no shaking", lambda: "covered" not in text_of(browser, "#event-list"))
    browser.find_element(By.CSS_SELECTOR, "#filters button[type=reset]").click()
    wait_for("all events", lambda: "covered" in text_of(browser, "#event-list"))

    # The monitor restarts. The page comes back by itself, and is still logged in.
    monitor.stop()
    wait_for("the page says that it lost the monitor", lambda: browser.find_element(By.ID, "connection").get_attribute("data-state") != "live", 15)
    monitor.lines.clear()
    monitor.start()
    wait_for("the page is back", lambda: browser.find_element(By.ID, "connection").get_attribute("data-state") == "live", 20)
    assert not shown(browser, "#login")

    # No request left the machine, and nothing went wrong in the scripts.
    foreign = [url for url in requests_of(browser) if not url.startswith((address, "data:", "blob:" + address, "chrome:", "about:"))]
    assert foreign == [], foreign
    errors = [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE" and ".js" in entry["message"] and "net::" not in entry["message"]]
    assert errors == [], errors


def test_without_a_token_only_this_machine_is_answered(make_monitor):
    monitor = make_monitor({"cameras": {}}).start()
    assert monitor.ask("/api/v1/cameras").status == 200
    assert monitor.ask("/api/v1/cameras", headers={"Host": "evil.example"}).status == 401
    # Another site leads a browser into making a change.
    refused = monitor.ask("/api/v1/cameras/x", "PUT", {"uri": "test://ball", "watch": WATCH}, headers={"Origin": "http://evil.example"})
    assert refused.status == 403, refused.body


def test_keyboard_telephone_and_dark(make_browser, make_camera, make_monitor):
    """Nothing is wider than a telephone, the tab key reaches everything, letters have contrast in dark and light."""
    cameras = {f"camera-{number}": {"uri": "test://smpte", "watch": WATCH} for number in range(3)}
    monitor = make_monitor({"cameras": {**cameras, "ball": {"uri": "test://ball", "watch": WATCH, "record": True}}}).start()
    monitor.wait_state("ball", "playing")
    wait_for("an event", monitor.events)
    for scheme in ("light", "dark"):
        for name, size in (("desktop", (1280, 900)), ("telephone", (390, 844))):
            browser = make_browser(size, scheme)
            browser.get(f"http://127.0.0.1:{monitor.port}/")
            wait_for("the cameras", lambda browser=browser: len(browser.find_elements(By.CSS_SELECTOR, "#camera-list > li")) == 4)
            wait_for("the event", lambda browser=browser: "covered" in text_of(browser, "#event-list"))
            time.sleep(1.5)
            wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, (name, wide)
            keep_picture(browser, f"{name}-{scheme}")
            if name == "desktop":
                assert contrast_of(browser, "#event-list .label, #event-list button") > 4.5
                assert reached_by_tab(browser) >= {"SELECT", "INPUT", "BUTTON"}
            browser.quit()


def reached_by_tab(browser):
    """Kinds of elements that the tab key reaches, each with a visible focus."""
    found = set()
    for _ in range(40):
        webdriver.ActionChains(browser).send_keys("\ue004").perform()
        kind, outline = browser.execute_script(
            "const e = document.activeElement, s = getComputedStyle(e);"
            # In a time field, the browser marks the part that has the focus: day, month, …
            "return [e.tagName, s.outlineStyle !== 'none' || s.boxShadow !== 'none' || e.type === 'datetime-local']")
        if kind != "BODY":
            assert outline, kind
            found.add(kind)
    return found


def contrast_of(browser, selector):
    """WCAG contrast of the first such element's letters against their background."""
    return browser.execute_script("""
      const parse = (c) => c.match(/[\\d.]+/g).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const element = document.querySelector(arguments[0]);
      let behind = element;
      while (behind && (parse(getComputedStyle(behind).backgroundColor)[3] ?? 1) === 0) behind = behind.parentElement;
      const a = light(parse(getComputedStyle(element).color)), b = light(behind ? parse(getComputedStyle(behind).backgroundColor) : [255, 255, 255]);
      return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);""", selector)
