// The metrics by name: what each is called, what it means, and which counters it is read from.

import type { DurationSeries } from "./call-series.ts";
import { durationBuckets } from "./call-series.ts";
import type { Counters } from "./counters.ts";
import type { MetricFamily, Sample } from "./exposition.ts";
import type { Tally } from "./tally.ts";

type Samples = () => readonly Sample[];

/** Families that read `counters` anew at each scrape. Names and units follow Prometheus' conventions. */
export function trafficFamilies(counters: Counters): readonly MetricFamily[] {
  return [
    ...callFamilies(counters),
    ...connectionFamilies(counters),
    ...ruleFamilies(counters),
    ...counters.graphql.families(),
  ];
}

function callFamilies({ calls, grpc, bytes, flags }: Counters): readonly MetricFamily[] {
  return [
    counter("understudy_requests_total", "Finished HTTP calls.", () =>
      calls.counts().map(({ direction, rule, outcome, statusClass, value }) => ({
        labels: { direction, rule, outcome, status_class: statusClass },
        value,
      })),
    ),
    counter("understudy_grpc_requests_total", "Finished gRPC calls that said how they ended.", () =>
      grpc.counts().map(({ method, status, value }) => ({ labels: { method, status }, value })),
    ),
    {
      name: "understudy_request_duration_seconds",
      help: "Time from the first byte of a request to the last byte of its response.",
      type: "histogram",
      samples: () => calls.durations().flatMap(histogramSamples),
    },
    counter("understudy_bytes_total", "Bytes that came from the downstream, and that went to it.", () => [
      { labels: { direction: "to_upstream" }, value: bytes.toUpstream },
      { labels: { direction: "to_downstream" }, value: bytes.toDownstream },
    ]),
    counter("understudy_response_flags_total", "Response flags of calls and opaque connections.", () =>
      samplesOf(flags, (flag) => ({ flag })),
    ),
  ];
}

function connectionFamilies(counters: Counters): readonly MetricFamily[] {
  const { opened, closed, opaque } = counters;
  const byDirection = (value: (direction: string) => number): readonly Sample[] =>
    ["inbound", "outbound"].map((direction) => ({ labels: { direction }, value: value(direction) }));
  return [
    counter("understudy_connections_total", "Accepted connections.", () => byDirection(opened.get)),
    gauge("understudy_connections_active", "Accepted connections that are open.", () =>
      byDirection((direction) => opened.get(direction) - closed.get(direction)),
    ),
    counter("understudy_opaque_connections_total", "Finished connections relayed without parsing.", () =>
      samplesOf(opaque, (key) => {
        const [direction = "", protocol = "", outcome = ""] = key.split(" ");
        return { direction, protocol, outcome };
      }),
    ),
    counter(
      "understudy_websocket_messages_total",
      "Messages of finished WebSockets that a rule concerned, by where they went.",
      () => samplesOf(counters.messages, (direction) => ({ direction })),
    ),
    counter(
      "understudy_websocket_rule_hits_total",
      "Messages of WebSockets that a rule touched, or sent itself.",
      () => samplesOf(counters.touched, (rule) => ({ rule })),
    ),
    counter("understudy_detection_timeouts_total", "Connections whose first byte did not come in time.", () =>
      one(counters.detectionTimeouts),
    ),
  ];
}

function ruleFamilies(counters: Counters): readonly MetricFamily[] {
  return [
    gauge("understudy_rules_revision_info", "Revision of the rules in force.", () =>
      counters.rules ? [{ labels: { revision: counters.rules.revision }, value: 1 }] : [],
    ),
    gauge("understudy_rules_loaded", "Rules in force.", () => one(counters.rules?.loaded ?? 0)),
    gauge(
      "understudy_rules_applied_timestamp_seconds",
      "When the rules in force were applied; 0: never.",
      () => one(counters.rules?.appliedAtSeconds ?? 0),
    ),
    counter(
      "understudy_rules_reload_errors_total",
      "Rule sets that were refused; the last good one stayed.",
      () => one(counters.reloadErrors),
    ),
    gauge("understudy_faults_stopped", "Whether faults are stopped, apart from any rule.", () =>
      one(counters.faultsStopped ? 1 : 0),
    ),
    gauge("understudy_rules_source_connected", "Whether a store of rules answers.", () =>
      [...counters.sources].map(([source, connected]) => ({ labels: { source }, value: connected ? 1 : 0 })),
    ),
    counter("understudy_rules_source_losses_total", "Times that a store of rules was lost.", () =>
      samplesOf(counters.sourceLosses, (source) => ({ source })),
    ),
    counter("understudy_trouble_total", "Things of ours that broke without harm to traffic.", () =>
      samplesOf(counters.troubles, (area) => ({ area })),
    ),
  ];
}

function histogramSamples({ rule, outcome, counts, sumSeconds }: DurationSeries): Sample[] {
  const name = "understudy_request_duration_seconds";
  let total = 0;
  const buckets = counts.map((count, index) => {
    total += count;
    return {
      metricName: `${name}_bucket`,
      labels: { le: durationBuckets[index] ?? "+Inf", rule, outcome },
      value: total,
    };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { rule, outcome }, value: sumSeconds },
    { metricName: `${name}_count`, labels: { rule, outcome }, value: total },
  ];
}

function samplesOf(tally: Tally, labelsOf: (name: string) => Sample["labels"]): readonly Sample[] {
  return tally.entries().map(([name, value]) => ({ labels: labelsOf(name), value }));
}

function counter(name: string, help: string, samples: Samples): MetricFamily {
  return { name, help, type: "counter", samples };
}

/** A family of one gauge. */
export function gauge(name: string, help: string, samples: Samples): MetricFamily {
  return { name, help, type: "gauge", samples };
}

/** The samples of a metric without labels. */
export function one(value: number): readonly Sample[] {
  return [{ labels: {}, value }];
}
