// What a user reads for each mistake: exactly these lines. One table, long because the format is.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileOf, linesOf } from "./written.ts";

const mock = "respond: {body: hi}";
const textOps = "text, or one of {exact|prefix|suffix|regex|contains|absent}";
const bodyOps =
  "equalTo, contains, matches, binaryPrefix, equalToJson, matchesJsonPath, matchesJsonSchema, and, or, not";
const duration = "a duration such as 200ms or 2s";
const rate = "bytes per second as a number or such as 64KiB";

/** Lines of the rule, then the expected problems without `r.yaml:`. */
const inARule: readonly (readonly [rule: readonly string[], ...expected: readonly string[]])[] = [
  // the rule itself
  [[], "3: rules[0]: does nothing: expected respond, fault, patch or state.becomes"],
  [["respnd: {}"], '4: rules[0].respnd: unknown key "respnd", did you mean "respond"?'],
  [["match: [{path: /a}]", mock], '4: rules[0].match: unknown key "match", did you mean "matches"?'],
  [["priority: high", mock], '4: rules[0].priority: expected a whole number, got "high"'],
  [["priority: 1.5", mock], "4: rules[0].priority: expected a whole number, got 1.5"],
  [
    ["priority: 2000000", mock],
    "4: rules[0].priority: expected a whole number from -1000000 to 1000000, got 2000000",
  ],
  [["replay: tape"], "4: rules[0].replay: not supported yet"],
  [["record: tape", mock], "4: rules[0].record: not supported yet"],
  [["mirror: other", mock], "4: rules[0].mirror: not supported yet"],
  [["respond:"], "4: rules[0].respond: expected a reply: a mapping of keys such as status, json, got null"],
  [
    [mock, "fault:", "  abort: reset"],
    "4: rules[0].respond: expected either respond or fault.abort, got both: an abort ends the call before anything else could happen to it",
  ],
  [["name: b", mock], "4: rules[0].name: this key is written twice"],
  [
    ["fault: {abort: hang}", "patch: {request: {body: a}}"],
    "5: rules[0].patch: expected either patch or fault.abort, got both: an abort ends the call before anything else could happen to it",
  ],
  [
    ["respond: {headers: {x-a: a\u010ab}}"],
    '4: rules[0].respond.headers.x-a: expected a header value of Latin-1 characters, without line breaks and control characters, got "a\u010ab"',
  ],
  // selection
  [
    ["matches: {host: a}", mock],
    '4: rules[0].matches: expected a list of selections, got {"host":"a"} (an item of a list begins with "- ")',
  ],
  [
    ["matches:", "  - {}", mock],
    '5: rules[0].matches[0]: expected at least one key (leave "matches" out to claim every call), got {}',
  ],
  [["matches:", "  - host: 5", mock], `5: rules[0].matches[0].host: expected ${textOps}, got 5`],
  [["matches:", "  - host:", mock], `5: rules[0].matches[0].host: expected ${textOps}, got null`],
  [
    ["matches:", "  - host: {prefx: a}", mock],
    '5: rules[0].matches[0].host.prefx: unknown key "prefx", did you mean "prefix"?',
  ],
  [
    ["matches:", "  - host: {prefix: a, suffix: b}", mock],
    "5: rules[0].matches[0].host: expected exactly one of exact, prefix, suffix, regex, contains, absent, got prefix and suffix",
  ],
  [
    ["matches:", "  - host: {}", mock],
    "5: rules[0].matches[0].host: expected exactly one of exact, prefix, suffix, regex, contains, absent, got none of them",
  ],
  [
    ["matches:", "  - method: {exact: 5}", mock],
    "5: rules[0].matches[0].method.exact: expected text, got 5 (text that looks like a number needs quotes)",
  ],
  [
    ["matches:", "  - headers: {x: {absent: false}}", mock],
    "5: rules[0].matches[0].headers.x.absent: expected true, got false",
  ],
  [
    ["matches:", "  - destination: 10.0.0.0/33", mock],
    '5: rules[0].matches[0].destination: expected an address such as 10.1.2.3:443, 10.0.0.0/8, :5432, [::1]:80 or db.local:5432, got "10.0.0.0/33"',
  ],
  [
    ["matches:", "  - direction: in", mock],
    '5: rules[0].matches[0].direction: expected inbound or outbound, got "in"',
  ],
  [
    ["matches:", "  - method: post", mock],
    '5: rules[0].matches[0].method: expected POST (case counts), got "post"',
  ],
  [
    ["matches:", "  - path: v1", mock],
    '5: rules[0].matches[0].path: expected a path that begins with /, without query (there is the key "query" for that), got "v1"',
  ],
  [
    ["matches:", "  - path: {prefix: /a?b=c}", mock],
    '5: rules[0].matches[0].path.prefix: expected a path that begins with /, without query (there is the key "query" for that), got "/a?b=c"',
  ],
  [
    ["matches:", '  - path: {template: "/a{id}"}', mock],
    '5: rules[0].matches[0].path.template: expected a path template such as /users/{id}, where each {name} is a whole segment, got "/a{id}"',
  ],
  [
    ["matches:", "  - query: [a]", mock],
    '5: rules[0].matches[0].query: expected a mapping of query fields to matchers, got ["a"]',
  ],
  [
    ["matches:", "  - query: {page: 1.5}", mock],
    `5: rules[0].matches[0].query.page: expected ${textOps}, got 1.5`,
  ],
  [
    ["matches:", "  - query: {page: 1.0}", mock],
    '5: rules[0].matches[0].query.page: expected text, got a number that can be spelled in several ways; write "1.0" in quotes',
  ],
  [
    ["matches:", "  - headers: {a b: c}", mock],
    '5: rules[0].matches[0].headers.a b: expected a header name (letters, digits, - and the other characters of an HTTP token), got "a b"',
  ],
  [
    ["matches:", "  - headers: {x-a: b, X-A: c}", mock],
    '5: rules[0].matches[0].headers.X-A: is the same header as "x-a": names compare without case',
  ],
  [["matches:", '  - expr: ""', mock], '5: rules[0].matches[0].expr: expected a CEL expression, got ""'],
  [
    ["matches:", "  - metod: GET", mock],
    '5: rules[0].matches[0].metod: unknown key "metod", did you mean "method"?',
  ],
  ...["source"].map(
    (key) =>
      [[`matches:`, `  - ${key}: {}`, mock], `5: rules[0].matches[0].${key}: not supported yet`] as const,
  ),
  [
    ["matches:", "  - message: {contains: a}", mock],
    "5: rules[0].matches[0].message: only means something next to grpc or websocket ({} for any)",
  ],
  [
    ["matches:", "  - grpc: {servce: a}", mock],
    '5: rules[0].matches[0].grpc.servce: unknown key "servce", did you mean "service"?',
  ],
  [
    ["respond: {grpc: {message: {a: 1}, messages: []}}"],
    "4: rules[0].respond.grpc: expected either message or messages, got both",
  ],
  [
    ["respond: {grpc: {status: GONE}}"],
    '4: rules[0].respond.grpc.status: expected a status of gRPC such as OK, NOT_FOUND, UNAVAILABLE, or its number, got "GONE"',
  ],
  // body
  [
    ["matches:", "  - body: text", mock],
    '5: rules[0].matches[0].body: expected a body operator such as {contains: text}, or a list of them, got "text"',
  ],
  [
    ["matches:", "  - body: {contains: a, matches: b}", mock],
    `5: rules[0].matches[0].body: expected exactly one of ${bodyOps}, got contains and matches`,
  ],
  [
    ["matches:", "  - body: {contains: a, ignoreArrayOrder: true}", mock],
    "5: rules[0].matches[0].body.ignoreArrayOrder: only means something next to equalToJson",
  ],
  [
    ["matches:", "  - body: []", mock],
    "5: rules[0].matches[0].body: expected at least one body operator, got []",
  ],
  [
    ["matches:", "  - body:", "      - contains: a", "      - not: {contain: b}", mock],
    '7: rules[0].matches[0].body[1].not.contain: unknown key "contain", did you mean "contains"?',
  ],
  [
    ["matches:", "  - body: {matchesJsonPath: {expression: $.a, greaterThan: x}}", mock],
    '5: rules[0].matches[0].body.matchesJsonPath.greaterThan: expected a number, got "x"',
  ],
  [
    ["matches:", "  - body: {matchesJsonPath: {greaterThan: 1}}", mock],
    "5: rules[0].matches[0].body.matchesJsonPath.expression: expected a JSONPath such as $.amount, got nothing",
  ],
  [
    ["matches:", "  - body: {matchesJsonPath: {expression: $.a, equalTo: 1, lessThan: 2}}", mock],
    "5: rules[0].matches[0].body.matchesJsonPath: expected exactly one of equalTo, contains, matches, greaterThan, lessThan, greaterThanOrEqual, lessThanOrEqual, equalToJson, absent, got equalTo and lessThan",
  ],
  [
    ["matches:", "  - body: {matchesJsonSchema: 5}", mock],
    "5: rules[0].matches[0].body.matchesJsonSchema: expected a JSON Schema (a mapping), got 5",
  ],
  // scope
  [
    ["scope: {percentage: 101}", mock],
    "4: rules[0].scope.percentage: expected a number from 0 to 100, got 101",
  ],
  [
    ["scope: {percentage: -1}", mock],
    "4: rules[0].scope.percentage: expected a number from 0 to 100, got -1",
  ],
  [
    ["scope: {percentage: 10%}", mock],
    '4: rules[0].scope.percentage: expected a number from 0 to 100, got "10%"',
  ],
  [
    ["scope: {decideBy: user}", mock],
    '4: rules[0].scope.decideBy: expected request, connection, trace or header:NAME, got "user"',
  ],
  [["scope: {ttl: soon}", mock], `4: rules[0].scope.ttl: expected ${duration}, got "soon"`],
  [["scope: {ttl: 0s}", mock], '4: rules[0].scope.ttl: expected a duration from 1ms to 366d, got "0s"'],
  [
    ["scope: {expiresAt: 2026-01-31}", mock],
    '4: rules[0].scope.expiresAt: expected a date and time with its zone such as 2026-01-31T12:00:00Z, got "2026-01-31"',
  ],
  [
    ["scope: {ttl: 1m, expiresAt: '2026-01-31T12:00:00Z'}", mock],
    "4: rules[0].scope.ttl: expected either ttl or expiresAt, got both",
  ],
  [
    ["scope: {maxActive: 0}", mock],
    "4: rules[0].scope.maxActive: expected a whole number of calls, at least 1, got 0",
  ],
  [
    ["scope: {baggage: alice}", mock],
    '4: rules[0].scope.baggage: expected a mapping of baggage entries to matchers, got "alice"',
  ],
  ...["lease", "firstAttempts", "between"].map(
    (key) => [[`scope: {${key}: x}`, mock], `4: rules[0].scope.${key}: not supported yet`] as const,
  ),
  // respond
  [["respond: {status: 99}"], "4: rules[0].respond.status: expected a final status from 200 to 599, got 99"],
  [
    ["respond: {status: 101}"],
    "4: rules[0].respond.status: expected a final status from 200 to 599, got 101",
  ],
  [
    ["respond: {status: 600}"],
    "4: rules[0].respond.status: expected a final status from 200 to 599, got 600",
  ],
  [
    ["respond: {status: OK}"],
    '4: rules[0].respond.status: expected a final status from 200 to 599, got "OK"',
  ],
  [
    ["respond: {body: a, json: {}}"],
    "4: rules[0].respond: expected at most one of body, json, file, base64, events, got body and json",
  ],
  [
    ["respond:", "  status: 204", "  body: a"],
    "6: rules[0].respond.body: a reply with status 204 has no body (RFC 9110 §15)",
  ],
  [
    ["respond: {status: 304, json: {}}"],
    "4: rules[0].respond.json: a reply with status 304 has no body (RFC 9110 §15)",
  ],
  [
    ["respond: {headers: {Content-Length: 5}}"],
    "4: rules[0].respond.headers.Content-Length: cannot be set: the sidecar writes it from the body that is sent (RFC 9112 §6)",
  ],
  [
    ["respond: {headers: {transfer-encoding: chunked}}"],
    "4: rules[0].respond.headers.transfer-encoding: cannot be set: the sidecar writes it from the body that is sent (RFC 9112 §6)",
  ],
  [
    ["respond: {headers: {x-a: null}}"],
    "4: rules[0].respond.headers.x-a: expected text, or a list of texts, got null",
  ],
  [
    ['respond: {headers: {x-a: "a\\r\\nx-b: c"}}'],
    '4: rules[0].respond.headers.x-a: expected a header value of Latin-1 characters, without line breaks and control characters, got "a\\r\\nx-b: c"',
  ],
  [
    ["respond: {trailers: {Host: a}}"],
    "4: rules[0].respond.trailers.Host: cannot be sent as a trailer (RFC 9110 §6.5.1)",
  ],
  [
    ['respond: {reason: "a\\nb"}'],
    '4: rules[0].respond.reason: expected one line of at most 200 Latin-1 characters, got "a\\nb"',
  ],
  [["respond: {base64: '***'}"], '4: rules[0].respond.base64: expected bytes in base64, got "***"'],
  [
    ["respond: {template: true}"],
    "4: rules[0].respond.template: nothing to render: expected body, json, file or headers beside it",
  ],
  [
    ["respond: {body: 5}"],
    "4: rules[0].respond.body: expected text, got 5 (text that looks like a number needs quotes)",
  ],
  [["respond: {delay: 5}"], `4: rules[0].respond.delay: expected ${duration}, or {distribution: …}, got 5`],
  [["respond: {cycle: []}"], "4: rules[0].respond.cycle: expected a list of replies, at least one, got []"],
  [
    ["respond: {cycle: [{body: a}], status: 200}"],
    "4: rules[0].respond: expected cycle to stand alone, got cycle and status",
  ],
  [
    ["respond: {random: [{weight: 0, body: a}]}"],
    "4: rules[0].respond.random[0].weight: expected a number greater than 0, got 0",
  ],
  [
    ["respond: {cycle: [{status: 204, body: a}]}"],
    "4: rules[0].respond.cycle[0].body: a reply with status 204 has no body (RFC 9110 §15)",
  ],
  ...["schema"].map(
    (key) => [[`respond: {${key}: x}`], `4: rules[0].respond.${key}: not supported yet`] as const,
  ),
  // fault
  [
    ["fault: {}"],
    "4: rules[0].fault: expected at least one of delay, abort, throttle, slice, truncate, corrupt, grpc, http2, websocket, events, got {}",
  ],
  [["fault:", "  delay: fast"], `5: rules[0].fault.delay: expected ${duration}, got "fast"`],
  [["fault: {delay: 25h}"], '4: rules[0].fault.delay: expected a duration from 0 to 1d, got "25h"'],
  [
    ["fault: {delay: 1m1h}"],
    `4: rules[0].fault.delay: expected ${duration} or 1h30m, the larger unit first, got "1m1h"`,
  ],
  [
    ["fault: {delay: {distribution: {type: gauss}}}"],
    '4: rules[0].fault.delay.distribution.type: expected uniform, normal, lognormal or histogram, got "gauss"',
  ],
  [
    ["fault: {delay: {distribution: {type: uniform, min: 2s, max: 1s}}}"],
    "4: rules[0].fault.delay.distribution.min: expected at most max (1000ms), got 2000ms",
  ],
  [
    ["fault: {delay: {distribution: {type: lognormal, median: 1s, sigma: -1}}}"],
    "4: rules[0].fault.delay.distribution.sigma: expected a number from 0 to 10, got -1",
  ],
  [
    ["fault: {delay: {distribution: {type: normal, mean: 1s}}}"],
    `4: rules[0].fault.delay.distribution.stddev: expected ${duration}, got nothing`,
  ],
  [
    ["respond: {grpc: {messages: [{delay: 1s}]}}"],
    "4: rules[0].respond.grpc.messages[0].message: expected a value, got nothing",
  ],
  [
    ["fault: {delay: {distribution: {type: histogram, buckets: []}}}"],
    "4: rules[0].fault.delay.distribution.buckets: expected at least one bucket {weight, min, max}, got []",
  ],
  [
    ["fault: {abort: 503}"],
    "4: rules[0].fault.abort: expected reset, close, hang, {httpStatus: 503} or {grpcStatus: UNAVAILABLE}, got 503",
  ],
  [
    ["fault: {abort: {httpStatus: 503, reset: true}}"],
    "4: rules[0].fault.abort: expected exactly one of httpStatus, grpcStatus, reset, close, hang, got httpStatus and reset",
  ],
  [
    ["respond: {grpc: {status: 17}}"],
    "4: rules[0].respond.grpc.status: expected a status of gRPC such as OK, NOT_FOUND, UNAVAILABLE, or its number, got 17",
  ],
  [
    ['respond: {grpc: {status: OK, trailers: {Grpc-Status: "3"}}}'],
    "4: rules[0].respond.grpc.trailers.Grpc-Status: says how the call ends, as status, message and details do",
  ],
  [
    ["respond: {grpc: {status: OK, metadata: {grpc-message: no}}}"],
    "4: rules[0].respond.grpc.metadata.grpc-message: says how the call ends, as status, message and details do",
  ],
  [
    ["fault: {abort: {grpcStatus: GONE}}"],
    '4: rules[0].fault.abort.grpcStatus: expected a status of gRPC such as OK, NOT_FOUND, UNAVAILABLE, or its number, got "GONE"',
  ],
  [
    ["fault: {abort: {close: true, message: why}}"],
    "4: rules[0].fault.abort.message: only means something next to grpcStatus",
  ],
  [
    ["fault: {grpc: {afterMessages: -1, abort: reset}}"],
    "4: rules[0].fault.grpc.afterMessages: expected a number of messages from 0, got -1",
  ],
  [
    ["fault: {grpc: {afterMessages: 1}}"],
    "4: rules[0].fault.grpc: expected exactly one of abort, halfMessage, got none of them",
  ],
  [["fault: {throttle: slow}"], `4: rules[0].fault.throttle: expected ${rate}, got "slow"`],
  [
    ["fault: {throttle: {up: 0}}"],
    `4: rules[0].fault.throttle.up: expected ${rate}: whole bytes, at least 1, got 0`,
  ],
  [["fault: {throttle: {}}"], "4: rules[0].fault.throttle: expected up, down or both, got none of them"],
  [
    ["fault: {slice: {bytes: 0.5KB, dely: 1ms}}"],
    '4: rules[0].fault.slice.dely: unknown key "dely", did you mean "delay"?',
  ],
  [
    ["fault: {truncate: {}}"],
    "4: rules[0].fault.truncate: expected exactly one of afterBytes, afterMessages, got none of them",
  ],
  [
    ["fault: {truncate: {afterBytes: 1, afterMessages: 3}}"],
    "4: rules[0].fault.truncate: expected exactly one of afterBytes, afterMessages, got afterBytes and afterMessages",
  ],
  [
    ["fault: {corrupt: {probability: 2}}"],
    "4: rules[0].fault.corrupt.probability: expected a number from 0 to 1, got 2",
  ],
  ...[999, 1004, 1005, 1006, 1015, 2999, 5000, '"1000"', 1000.5].map(
    (code) =>
      [
        [`fault: {websocket: {closeCode: ${code}}}`],
        `4: rules[0].fault.websocket.closeCode: expected a close code: 1000 to 1003, 1007 to 1014 or 3000 to 4999 (RFC 6455 §7.4), got ${code}`,
      ] as const,
  ),
  [
    ["fault: {websocket: {closeCode: 1013, cut: true}}"],
    "4: rules[0].fault.websocket: expected at most one of closeCode, cut, dropMessages, delayMessages, duplicateMessages, reorderMessages, got closeCode and cut",
  ],
  [
    ["fault: {websocket: {dropMesages: true}}"],
    '4: rules[0].fault.websocket.dropMesages: unknown key "dropMesages", did you mean "dropMessages"?',
  ],
  [
    ["fault: {websocket: {afterMessages: 1}}"],
    "4: rules[0].fault.websocket: expected at least one of closeCode, cut, dropMessages, delayMessages, duplicateMessages, reorderMessages, ignorePings, got none of them",
  ],
  [
    ["fault: {websocket: {closeReason: x, cut: true}}"],
    "4: rules[0].fault.websocket.closeReason: only means something next to closeCode",
  ],
  [
    ["fault: {delay: 1s, websocket: {cut: true}}"],
    "4: rules[0].fault.websocket: expected websocket alone: delay works on the whole call",
  ],
  [
    ["fault: {websocket: {reorderMessages: 1}}"],
    "4: rules[0].fault.websocket.reorderMessages: expected a whole number from 2 to 100, got 1",
  ],
  [
    ["respond: {websocket: [{send: a, wait: 1s}]}"],
    "4: rules[0].respond.websocket[0]: expected exactly one of send, expect, wait, close, cut, repeat, got send and wait",
  ],
  [
    ["respond: {websocket: [{repeat: {steps: [{send: a}]}}]}"],
    "4: rules[0].respond.websocket[0].repeat.steps: expected a wait or an expect in a loop without times: it would never pause",
  ],
  [
    ["respond: {status: 200, websocket: [{send: a}]}"],
    "4: rules[0].respond.websocket: expected websocket to stand alone, got status beside it",
  ],
  [
    ["respond: {subprotocol: 'a b', websocket: [{send: a}]}"],
    '4: rules[0].respond.subprotocol: expected a subprotocol, which is one token, got "a b"',
  ],
  [
    ["matches: [{message: {contains: x}}]", "fault: {websocket: {cut: true}}"],
    "4: rules[0].matches[0].message: only means something next to grpc or websocket ({} for any)",
  ],
  [
    ["matches: [{websocket: {direction: up}}]", "fault: {websocket: {cut: true}}"],
    '4: rules[0].matches[0].websocket.direction: expected toUpstream or toDownstream, got "up"',
  ],
  [
    ["matches: [{websocket: {}, method: POST}]", "fault: {websocket: {cut: true}}"],
    '4: rules[0].matches[0].method: expected GET or CONNECT, since a WebSocket is asked for with nothing else, got "POST"',
  ],
  [
    ["matches: [{graphql: {}, method: {exact: DELETE}}]", "respond: {graphql: {data: {}}}"],
    '4: rules[0].matches[0].method: expected GET or POST or CONNECT, since GraphQL is spoken with nothing else, got "DELETE"',
  ],
  [
    ["matches: [{grpc: {}, method: PUT}]", mock],
    '4: rules[0].matches[0].method: expected POST or GET, since gRPC is spoken with nothing else, got "PUT"',
  ],
  [
    ["matches: [{websocket: {}, body: {contains: x}}]", "fault: {websocket: {cut: true}}"],
    "4: rules[0].matches[0].body: a request for a WebSocket has none: message is for what its messages say",
  ],
  [
    ["matches: [{websocket: {}, message: {binaryPrefix: '***'}}]", "fault: {websocket: {cut: true}}"],
    '4: rules[0].matches[0].message.binaryPrefix: expected bytes in base64, got "***"',
  ],
  [
    ["matches: [{websocket: {direction: toDownstream}}]", "respond: {websocket: [{send: a}]}"],
    "4: rules[0].matches[0].websocket.direction: only means something beside message, which a script answers",
  ],
  [
    [
      "respond:",
      "  websocket:",
      "    - {send: a, direction: toUpstream}",
      "    - repeat:",
      "        times: 2",
      "        steps: [{expect: any, direction: toDownstream}, {send: b, direction: toDownstream}]",
    ],
    "6: rules[0].respond.websocket[0].direction: only means something beside message: this script stands in for the server",
    "9: rules[0].respond.websocket[1].repeat.steps[0].direction: only means something beside message: this script stands in for the server",
  ],
  [
    ["respond: {websocket: [{close: 1000}, {send: a}]}"],
    "4: rules[0].respond.websocket[1]: never reached: close before it is the last step",
  ],
  [
    ["respond: {websocket: [{repeat: {steps: [{wait: 1s}]}}, {send: a}]}"],
    "4: rules[0].respond.websocket[1]: never reached: repeat before it is the last step",
  ],
  [
    ["matches: [{websocket: {}, message: {contains: x}}]", "patch: {websocket: {inject: [{send: a}]}}"],
    "4: rules[0].matches[0].message: only means something next to json or replace: inject runs beside the whole connection",
  ],
  [
    ["matches: [{websocket: {}, message: {contains: x}}]", "fault: {websocket: {ignorePings: true}}"],
    "4: rules[0].matches[0].message: only means something next to a fault of messages: a ping is none",
  ],
  [
    ["patch: {websocket: {json: {a: 1}, replace: x}}"],
    "4: rules[0].patch.websocket: expected at most one of json, replace, got json and replace",
  ],
  [
    ["fault: {events: {drop: true, cut: true}}"],
    "4: rules[0].fault.events: expected exactly one of drop, delay, duplicate, cut, got drop and cut",
  ],
  [
    ["respond: {events: [{delay: 1s}]}"],
    "4: rules[0].respond.events[0]: expected at least one of event, data, id, retry, comment, or repeat",
  ],
  [
    ["respond: {events: [{repeat: {steps: [{data: x}]}}]}"],
    "4: rules[0].respond.events[0].repeat.steps: expected a delay in a loop without times: it would never pause",
  ],
  [
    ["fault: {http2: {goAway: true}}"],
    "4: rules[0].fault.http2.goAway: expected an error code of HTTP/2 such as REFUSED_STREAM, or its number, got true",
  ],
  [
    ["fault: {http2: {goAway: 0}, abort: close}"],
    "4: rules[0].fault.http2: expected either abort or http2, got both: each ends the call",
  ],
  // patch
  [["patch: {}"], "4: rules[0].patch: expected request, response or graphql, got {}"],
  [
    ["patch: {request: {}}"],
    "4: rules[0].patch.request: expected at least one change such as setHeaders or json, got {}",
  ],
  [
    ["patch: {request: {status: 200}}"],
    '4: rules[0].patch.request.status: unknown key "status" here, did you mean patch.response.status?',
  ],
  [
    ["patch: {response: {json: {}, body: a}}"],
    "4: rules[0].patch.response: expected at most one of json, body, got json and body",
  ],
  [
    ["patch: {response: {json: 5}}"],
    "4: rules[0].patch.response.json: expected a mapping (JSON Merge Patch) or a list of operations (JSON Patch), got 5",
  ],
  [
    ["patch: {response: {json: [{op: mov, path: /a}]}}"],
    '4: rules[0].patch.response.json[0].op: expected add, remove, replace, move, copy or test, got "mov"',
  ],
  [
    ["patch: {response: {json: [{op: add, path: a, value: 1}]}}"],
    '4: rules[0].patch.response.json[0].path: expected a JSON Pointer such as /user/plan, or "" for the whole, got "a"',
  ],
  [
    ["patch: {response: {json: [{op: add, path: /a}]}}"],
    "4: rules[0].patch.response.json[0].value: expected a value for add, got nothing",
  ],
  [
    ["patch: {response: {json: [{op: move, path: /a}]}}"],
    "4: rules[0].patch.response.json[0].from: expected a JSON Pointer for move, got nothing",
  ],
  [
    ["patch: {request: {removeHeaders: [Transfer-Encoding]}}"],
    "4: rules[0].patch.request.removeHeaders[0]: cannot be set: the sidecar writes it from the body that is sent (RFC 9112 §6)",
  ],
  [["patch: {grpc: {}}"], "4: rules[0].patch.grpc: expected request, response or both, got {}"],
  // state
  [["state: {name: cart}", mock], "4: rules[0].state: expected is, becomes or both, got none of them"],
  [
    ["state: {name: cart, is: full}"],
    "3: rules[0]: does nothing: expected respond, fault, patch or state.becomes",
  ],
  [
    ["state: {is: full}", mock],
    "4: rules[0].state.name: expected the name of a state (letters, digits, - and .), got nothing",
  ],
  [
    ["state: {name: cart, key: x-session, is: full}", mock],
    '4: rules[0].state.key: expected header:NAME, cookie:NAME, query:NAME or baggage:NAME, got "x-session"',
  ],
];

for (const [rule, ...expected] of inARule) {
  test(`mistake: ${expected.join(" | ")}`, () => {
    assert.deepEqual(
      linesOf(fileOf(...rule)),
      expected.map((line) => `r.yaml:${line}`),
    );
  });
}

const wholeFiles: readonly (readonly [text: string, ...expected: readonly string[]])[] = [
  ["", "r.yaml:1: expected a mapping with version: 1 and rules, got nothing"],
  ["[1, 2]", "r.yaml:1: expected a mapping with version: 1 and rules, got [1,2]"],
  ["just text", 'r.yaml:1: expected a mapping with version: 1 and rules, got "just text"'],
  ["rules: []", "r.yaml:1: version: expected 1 (the version of the format), got nothing"],
  ["version: 2\nrules: []", "r.yaml:1: version: expected 1 (the version of the format), got 2"],
  ['version: "1"\nrules: []', 'r.yaml:1: version: expected 1 (the version of the format), got "1"'],
  ["version: 1", "r.yaml:1: rules: expected a list of rules, got nothing"],
  [
    "version: 1\nrules: {a: 1}",
    'r.yaml:2: rules: expected a list of rules, got {"a":1} (an item of a list begins with "- ")',
  ],
  [
    "version: 1\nrule: []",
    "r.yaml:1: rules: expected a list of rules, got nothing",
    'r.yaml:2: rule: unknown key "rule", did you mean "rules"?',
  ],
  ["version: 1\nrules: []\nversion: 1", "r.yaml:3: version: this key is written twice"],
  [
    "version: 1\nrules:\n  - text\n",
    'r.yaml:3: rules[0]: expected a rule: a mapping of keys such as name, matches, respond, got "text"',
  ],
  [
    "version: 1\nrules:\n  - name: a b\n    respond: {}\n",
    'r.yaml:3: rules[0].name: expected a name of letters, digits, - and . (at most 200), got "a b"',
  ],
  [
    "version: 1\nrules:\n  - respond: {}\n",
    "r.yaml:3: rules[0].name: expected a name of letters, digits, - and . (at most 200), got nothing",
  ],
  [
    "version: 1\nrules:\n  - {name: a, respond: {}}\n  - {name: a, respond: {}}\n",
    'r.yaml:4: rules[1].name: expected a name of its own, got "a", which the rule at r.yaml:3 already has',
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {status: 99}\n\n  # more\n  - name: b\n    fault: {delay: x}\nextra: 1\n",
    "r.yaml:4: rules[0].respond.status: expected a final status from 200 to 599, got 99",
    'r.yaml:8: rules[1].fault.delay: expected a duration such as 200ms or 2s, got "x"',
    'r.yaml:9: extra: unknown key "extra"; known here: $schema, version, descriptors, rules',
  ],
  [
    "version: 1\nrules: []\n---\nversion: 1\n",
    "r.yaml:3: expected one document, got --- and a second one: all rules go into one list, or into files of one folder",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {body: [}\n  - name: b\n    respond: {status: 99}\n",
    "r.yaml:4: rules[0]: not valid YAML: the [ of [} is not closed",
    "r.yaml:6: rules[1].respond.status: expected a final status from 200 to 599, got 99",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {status: 402\n  - name: b\n    matches: [{path: '/a}]\n    respond: {}\n",
    "r.yaml:4: rules[0]: not valid YAML: the { of {status: 402 is not closed",
    "r.yaml:6: rules[1]: not valid YAML: the ' of '/a}] is not closed",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond:\n      json:\n        {a: [{b: 1},\n         {a very long key: and its value}\n",
    "r.yaml:6: rules[0]: not valid YAML: the [ of [{b: 1}, is not closed",
  ],
  [
    '{"version": 1,\n"rules": [\n{"name": "a", "respond": {"status": 200},\n{"name": "b", "respond": {}}\n]}',
    'r.yaml:3: not valid YAML: the { of {"name": "a", "respond": {"sta… is not closed',
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {}\n - name: b\n   respond: {}\n",
    "r.yaml:5: not valid YAML: A block sequence may not be used as an implicit map key (all items of a list begin at the same column)",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {}\n odd: 1\n",
    "r.yaml:5: not valid YAML: All mapping items must start at the same column",
  ],
  ["version: 1\nrules:\n\t- name: a\n", "r.yaml:3: not valid YAML: Tabs are not allowed as indentation"],
  [
    "version: 1\nrules:\n  - name: a\n\trespond: {}\n  - name: b\n    respond: {status: 99}\n",
    "r.yaml:4: rules[0]: not valid YAML: Tabs are not allowed as indentation",
    "r.yaml:6: rules[1].respond.status: expected a final status from 200 to 599, got 99",
  ],
  [
    "version: 1\nrules:\n  -name: a\n   respond: {}\n",
    'r.yaml:3: not valid YAML: Nested mappings are not allowed in compact mappings (text with ": " in it needs quotes, and the - of an item a space behind it)',
  ],
  [
    "version:1\nrules:\n  - name: a\n    respond: {}\n",
    'r.yaml:1: not valid YAML: Implicit keys need to be on a single line (is there no ":", or no space behind it?)',
  ],
  [
    "version: 1\nrules:\n  - name: a\n    matches: [{path: *a}]\n    respond: {status: 99}\n",
    "r.yaml:4: rules[0].matches[0].path: expected an anchor &a before this alias, got none",
    "r.yaml:5: rules[0].respond.status: expected a final status from 200 to 599, got 99",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {json: {id: {{request.path}}}}\n",
    'r.yaml:4: rules[0].respond.json.id: expected a text as key, got a mapping: text that begins with { needs quotes, as in "{{request.path}}"',
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {body: !secret x}\n",
    "r.yaml:4: rules[0]: not valid YAML: Unresolved tag: !secret",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {json: {a: .inf}}\n",
    "r.yaml:4: rules[0].respond.json.a: expected a number that JSON can hold, got .inf",
  ],
  [
    "version: 1\nrules:\n  - name: a\n    respond: {json: {__proto__: 1}}\n",
    "r.yaml:4: rules[0].respond.json.__proto__: the key __proto__ is not allowed",
  ],
];

for (const [text, ...expected] of wholeFiles) {
  test(`mistake in a file: ${expected.join(" | ")}`, () => assert.deepEqual(linesOf(text), expected));
}
