#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
GET /metrics, as Prometheus itself sees it: promtool has no complaint, a real Prometheus scrapes it, and
what PromQL makes of it is what the API says. So do the examples that come with it: the configuration, each
alert, each panel of the dashboard.
"""
import itertools
import json
import os
import re
import shutil
import signal
import time
import urllib.parse
import urllib.request

from prometheus_client.openmetrics import parser as openmetrics

import lab as laboratory
import tap
from frames import ACK, IPV4, IPV6, TCP, UDP, eth, ipv4, ipv6, tcp, udp
from lab import RUN, Traffic, scenario, wait_for
from web import INTERFACES, REALTIME, WebServer

EXAMPLES = os.path.abspath(f"{laboratory.HERE}/../../packaging/examples")
OPEN_METRICS = "application/openmetrics-text"
# What Prometheus 2.42 asks for.
ASKS = f"{OPEN_METRICS};version=1.0.0;q=0.8,{OPEN_METRICS};version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
ODD = 'a"b\\c'  # an interface's name that has to be escaped
PROMETHEUS_PORT = 9090
FRAMES = [
    eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 100))),
    eth(IPV6, ipv6(UDP, udp(1, 2, b"y" * 528))),
    eth(IPV4, ipv4(TCP, tcp(443, 40000, ACK, b"z" * 1400))),
]


def samples(body):
    """Return: {(name, ((label, value), ...)): value as text}; a value in it has no blanks or commas."""
    found = {}
    for line in body.decode().splitlines():
        if line.startswith("#"):
            continue
        series, value = line.rsplit(" ", 1)
        name, _, labels = series.rstrip("}").partition("{")
        pairs = [pair.split("=", 1) for pair in labels.split(",") if pair]
        found[name, tuple(sorted((k, json.loads(v)) for k, v in pairs))] = value
    return found


def select(found, name, **labels):
    """Return: the value of the only sample with these labels, and maybe others."""
    values = [value for (n, pairs), value in found.items()
              if n == name and labels.items() <= dict(pairs).items()]
    if len(values) != 1:
        raise laboratory.Failure(f"{len(values)} samples of {name} {labels}")
    return values[0]


def check(t, lab, body, name):
    """promtool reads the older format only."""
    path = f"{RUN}/metrics"
    with open(path, "wb") as file:
        file.write(body)
    with open(path, encoding="utf-8") as file:
        process = lab.spawn("sh", "-c", f"promtool check metrics <{path}", stdout=file, stderr=-1, text=True)
    _, err = process.communicate(timeout=60 * tap.SLOWNESS)
    t.equal((process.returncode, err), (0, ""), f"promtool check metrics: {name}")


@scenario("in both formats, and of names with any byte", 60)
def test_formats(t, lab):
    lab.configure("[services]\ndns = udp/53\n")
    link = lab.veth()
    lab.veth(ODD, "p1")
    for ifname in ("v0", ODD):
        lab.record(ifname).wait_record()
    server = WebServer(lab)
    sent, size = link.send(FRAMES * 111)
    sent_out, size_out = link.reversed().send(FRAMES * 37)

    def arrived():
        now = server.get(f"{REALTIME}?interface=v0").json()
        return now["tx"] and (now["rx"]["packets"], now["tx"]["packets"]) == (sent, sent_out)

    wait_for(arrived, "all of them")
    answer = server.get("/metrics")
    t.equal((answer.status, answer.headers["Content-Type"]),
            (200, "text/plain; version=0.0.4; charset=utf-8"), "who does not ask gets text")
    check(t, lab, answer.body, "nothing")
    plain = samples(answer.body)
    t.equal((select(plain, "sampler_packets_total", interface="v0", direction="rx"),
             select(plain, "sampler_bytes_total", interface="v0", direction="rx")), (str(sent), str(size)),
            "totals to the last digit")
    t.equal((select(plain, "sampler_packets_total", interface="v0", direction="tx"),
             select(plain, "sampler_bytes_total", interface="v0", direction="tx")), (str(sent_out), str(size_out)),
            "also of what was transmitted")
    t.equal(select(plain, "sampler_packets_total", interface=ODD, direction="rx"), "0", "a name is escaped")
    t.equal(select(plain, "sampler_service_packets_total", interface="v0", direction="rx", service="dns"), "0",
            "services of the configuration are there")
    states = {dict(pairs)["state"]: value for (name, pairs), value in plain.items()
              if name == "sampler_interface_state" and dict(pairs)["interface"] == "v0"}
    t.equal({state: states[state] for state in ("ok", "stale", "degraded", "unreadable")},
            {"ok": "1", "stale": "0", "degraded": "0", "unreadable": "0"}, "its state is ok, and no other")
    opened = server.get("/metrics", Accept=ASKS)
    t.equal(opened.headers["Content-Type"], f"{OPEN_METRICS}; version=1.0.0; charset=utf-8",
            "Prometheus gets OpenMetrics")
    t.match(opened.body.decode(), r"(?s)# TYPE sampler_bytes counter\n# UNIT sampler_bytes bytes\n.*\n# EOF\n$",
            "whose counters' families have no _total, but units, and which has an end")
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(opened.body.decode())}
    t.equal((families["sampler_bytes"].type, families["sampler_bytes"].unit, families["sampler_attach"].type),
            ("counter", "bytes", "info"), "OpenMetrics' own parser takes it whole")
    stable = {key: value for key, value in plain.items() if key[0].endswith(("packets_total", "bytes_total"))}
    again = samples(opened.body)
    t.ok(len(stable) > 160, "many series", len(stable))
    t.equal({key: again.get(key) for key in stable}, stable, "both formats have the same counters")
    t.equal({name for name, _ in again} - {name for name, _ in plain}, set(), "and the same names")


class Prometheus:
    """A real one by the example's configuration, but that it scrapes each second."""

    def __init__(self, lab):
        config = f"{RUN}/prometheus.yml"
        with open(f"{EXAMPLES}/prometheus.yml", encoding="utf-8") as file:
            example = file.read()
        paces = "scrape_interval: 15s"
        if paces not in example:
            raise laboratory.Failure("the example has another interval")
        with open(config, "w", encoding="utf-8") as file:
            file.write(example.replace(paces, "scrape_interval: 1s\n  evaluation_interval: 1s"))
        shutil.copy(f"{EXAMPLES}/sampler-alerts.yml", RUN)
        self._log = open(f"{RUN}/prometheus.log", "w", encoding="utf-8")
        self._process = lab.spawn("prometheus", f"--config.file={config}", f"--storage.tsdb.path={RUN}/tsdb",
                                  f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
                                  stdout=self._log, stderr=self._log)
        wait_for(self.query_or_none, "Prometheus", 60)

    def query_or_none(self, text="vector(1)"):
        try:
            return self.query(text)
        except OSError:
            if self._process.poll() is not None:
                with open(self._log.name, encoding="utf-8") as file:
                    raise laboratory.Failure(f"Prometheus has ended: {file.read()[-2000:]}") from None
            return None

    def ask(self, path, **query):
        """Return: the "data" of its answer."""
        url = f"http://127.0.0.1:{PROMETHEUS_PORT}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=30 * tap.SLOWNESS) as answer:
            return json.load(answer)["data"]

    def query(self, text):
        """Return: [(labels, value)] of an instant vector."""
        return [(one["metric"], float(one["value"][1])) for one in self.ask("query", query=text)["result"]]

    def only(self, text):
        (_, value), = self.query(text)
        return value

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30 * tap.SLOWNESS)
        self._log.close()


# ---- the examples ----


def alert_names():
    """Of the example, in its order."""
    with open(f"{EXAMPLES}/sampler-alerts.yml", encoding="utf-8") as file:
        return re.findall(r"- alert: (\w+)$", file.read(), re.M)


def dashboard():
    with open(f"{EXAMPLES}/grafana-dashboard.json", encoding="utf-8") as file:
        return json.load(file)


def expressions(board):
    """Return: [(where, PromQL)] of all panels and annotations, as Grafana fills in its variables for all of everything."""
    found = [(panel["title"], target["expr"]) for panel in board["panels"] for target in panel["targets"]]
    found += [(note["name"], note["expr"]) for note in board["annotations"]["list"]]
    fill = {"$instance": ".*", "$interface": ".*", "$direction": ".*", "$__rate_interval": "10s"}
    return [(where, re.sub(r"\$\w+", lambda match: fill[match[0]], text)) for where, text in found]


@scenario("the examples: configuration, alerts, dashboard", 60)
def test_examples(t, lab):
    for what, file in (("config", "prometheus.yml"), ("rules", "sampler-alerts.yml")):
        result = lab.try_run("promtool", "check", what, f"{EXAMPLES}/{file}")
        t.ok(result.status == 0, f"promtool check {what}: {file}", result)
    with open(f"{EXAMPLES}/prometheus.yml", encoding="utf-8") as file:
        secured = re.sub(r"# (scheme|authorization): ", r"\1: ", file.read())
    secured = secured.replace("/etc/prometheus/", f"{RUN}/").replace("sampler-alerts.yml", f"{EXAMPLES}/sampler-alerts.yml")
    for name, content in (("prometheus.yml", secured), ("sampler.token", "x")):
        with open(f"{RUN}/{name}", "w", encoding="utf-8") as file:
            file.write(content)
    result = lab.try_run("promtool", "check", "config", f"{RUN}/prometheus.yml")
    t.ok(result.status == 0 and "\n    authorization: " in secured,
         "and with a token and TLS", result)
    with open(f"{laboratory.HERE}/alerts.test.yml", encoding="utf-8") as file:
        tests = file.read()
    with open(f"{RUN}/alerts.test.yml", "w", encoding="utf-8") as file:
        file.write(tests.replace("[RULES]", f"['{EXAMPLES}/sampler-alerts.yml']"))
    result = lab.try_run("promtool", "test", "rules", f"{RUN}/alerts.test.yml")
    t.ok(result.status == 0, "promtool test rules: each fires when it should", result)
    alerts = set(alert_names())
    quiet = set(re.findall(r"- \{eval_time: \w+, alertname: (\w+)\}", tests))
    fires = set(re.findall(r"^ +alertname: (\w+)\n +exp_alerts:", tests, re.M))
    t.equal((fires, quiet), (alerts, alerts), "and each of them is seen to fire, and not to")

    board = dashboard()
    places = set()
    for panel in board["panels"]:
        where = panel["gridPos"]
        cells = {(x, y) for x in range(where["x"], where["x"] + where["w"]) for y in range(where["y"], where["y"] + where["h"])}
        t.ok(not cells & places and where["x"] + where["w"] <= 24, f"dashboard: {panel['title']} has a place of its own")
        places |= cells
    t.equal(len({panel["id"] for panel in board["panels"]}), len(board["panels"]), "and an id")
    known = {f"${variable['name']}" for variable in board["templating"]["list"]} | {"$__rate_interval", "${datasource}"}
    used = set(re.findall(r"\$\{?\w+\}?", json.dumps(board["panels"] + board["annotations"]["list"])))
    t.equal(used - known, set(), "each variable is defined")


@scenario("a real Prometheus, and what PromQL makes of it", 180)
def test_prometheus(t, lab):
    link = lab.veth()
    recorder = lab.record("v0", interval="1s", log_interval=None)
    recorder.wait_record()
    server = WebServer(lab)
    prometheus = Prometheus(lab)
    sent_out, size_out = link.reversed().send(FRAMES * 333)
    traffic = Traffic(link, FRAMES, rate=1000)
    wait_for(lambda: prometheus.query('up{job="sampler"} == 1'), "a scrape", 30)
    begun = time.time()
    wait_for(lambda: prometheus.query("count_over_time(sampler_packets_total[1m]) >= 10"), "ten scrapes", 60)
    seconds = int(time.time() - begun)
    rates = dict(packets=prometheus.query(f'rate(sampler_packets_total{{direction="rx"}}[{seconds}s])'),
                 bits=prometheus.query(f'8 * rate(sampler_bytes_total{{direction="rx"}}[{seconds}s])'))
    history = server.get(f"/api/history?from=-{seconds + 2}&step=1s&metrics=rx.packets_per_s,rx.bits_per_s").json()
    sent, size = traffic.stop()
    for name, column in (("packets", 1), ("bits", 2)):
        known = [value for value in history["data"][column] if value]
        value = rates[name][0][1]
        # Both are means over seconds that do not begin and end together, of a machine that may be held up.
        t.ok(min(known) * 0.5 <= value <= max(known) * 1.5, f"the rate of {name} is the history's", (value, known))
    wait_for(lambda: prometheus.query(f'sampler_packets_total{{direction="rx"}} == {sent}'), "the last frame in Prometheus",
             30)
    for direction, frames, octets in (("rx", sent, size), ("tx", sent_out, size_out)):
        of = f'{{direction="{direction}"}}'
        t.equal((prometheus.only(f"sum(sampler_packets_total{of})"), prometheus.only(f"sum(sampler_bytes_total{of})")),
                (float(frames), float(octets)), f"in the end it has every frame and byte of {direction}")
        told = server.get(REALTIME).json()[direction]
        t.equal((told["packets"], told["bytes"]), (frames, octets), "as the API has")
        t.equal(prometheus.only(f"sum(sampler_l3_packets_total{of})"), float(frames), "L3 protocols add up to all")
        t.equal(prometheus.only(f"sum(sampler_size_packets_total{of})"), float(frames), "and so do sizes")
    t.equal(prometheus.only('sum(sampler_service_bytes_total{service=~"https?",direction="rx"})'),
            float(sum(len(frame) for frame in itertools.islice(itertools.cycle(FRAMES), sent)
                      if frame is not FRAMES[1])), "services by name")
    t.equal(prometheus.only('sum(sampler_interface_state{state="ok"})'), 1.0, "the interface is well")
    labels, _ = prometheus.query("sampler_attach_info")[0]
    one, = server.get(INTERFACES).json()["interfaces"]
    t.equal((labels["mode"], labels["chained"]), (one["mode"], str(one["chained"]).lower()), "attached as the API says")
    since = prometheus.only("sampler_counting_since_timestamp_seconds")
    t.ok(abs(since - int(one["epoch"]) / 1e9) < 0.001, "since when", (since, one["epoch"]))
    board = dashboard()
    t.equal([(where, text) for where, text in expressions(board) if not prometheus.query(text)],
            [(note["name"], text) for note in board["annotations"]["list"] for where, text in expressions(board)
             if where == note["name"]], "each panel of the dashboard has something to show, and no annotation yet")
    for variable in board["templating"]["list"]:
        match = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", str(variable.get("definition")))
        t.ok(variable["type"] == "datasource" or prometheus.query(f"count by ({match[2]}) ({match[1]})"),
             f"and the variable {variable['name']} something to choose from")
    rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
    t.equal(([rule["name"] for rule in rules],
             [rule["name"] for rule in rules if rule["health"] != "ok" or rule["state"] != "inactive"]), (alert_names(), []),
            "the alerts are evaluated, and none is due")
    recorder.kill()
    wait_for(lambda: prometheus.query('ALERTS{alertname="SamplerNotRecording",interface="v0"}'), "an alert", 60)
    t.ok(True, "until the recorder is killed")
    version, _ = prometheus.query("sampler_build_info")[0]
    t.equal(version["version"], os.environ["SAMPLER_VERSION"], "by which version")
    t.ok(prometheus.only("process_open_fds") > 3, "and what it costs")
    prometheus.stop()


@scenario("a recorder that is held up", 60)
def test_missed(t, lab):
    lab.veth()
    recorder = lab.record("v0")
    recorder.wait_record()
    server = WebServer(lab)

    def missed():
        return int(select(samples(server.get("/metrics").body), "sampler_ticks_missed_total", interface="v0"))

    before = missed()
    recorder.send_signal(signal.SIGSTOP)
    wait_for(lambda: select(samples(server.get("/metrics").body), "sampler_interface_state", interface="v0",
                            state="stale") == "1", "it is stale")
    recorder.send_signal(signal.SIGCONT)
    recorder.wait_record()
    t.ok(missed() > before, "ticks that it missed are counted", (before, missed()))
    now = missed()
    recorder.stop()
    lab.record("v0").wait_record()
    t.ok(missed() >= now, "over its end as well", (now, missed()))
    wait_for(lambda: select(samples(server.get("/metrics").body), "sampler_interface_state", interface="v0",
                            state="ok") == "1", "it is well again")
    t.ok(True, "and well again")


laboratory.main()
