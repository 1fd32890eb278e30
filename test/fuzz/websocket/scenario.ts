// What stands between the two, and what of it may show.

import type { RuleSpec } from "../../../src/core/rule.ts";
import { rulesOf } from "../../proxy/lanes/websocket/sockets.ts";

export interface Scenario {
  readonly name: string;
  /** In force; null: they talk to each other directly. */
  readonly rules: readonly RuleSpec[] | null;
  /** Put in force by turns with `rules` while they talk. */
  readonly otherRules?: readonly RuleSpec[];
  /**
   * What must be the same: every octet in its place; the octets of each frame, while control frames may overtake the message
   * that they stand in; or what the rules leave of each message.
   */
  readonly same: "octets" | "frames" | "messages";
  readonly over: "HTTP/1" | "HTTP/2";
  readonly isSecure?: boolean;
  /** A rule closes the connection at some time. */
  readonly isClosed?: boolean;
}

const elsewhere = rulesOf(`
  - name: never-said
    matches: [{websocket: {path: /fuzz}, message: {contains: IN NO MESSAGE}}]
    fault: {websocket: {dropMessages: true}}
  - name: another-path
    matches: [{websocket: {path: /elsewhere}}]
    respond: {websocket: [{send: hello}]}`);

const slow = rulesOf(`
  - name: slow
    matches: [{websocket: {path: /fuzz, direction: toUpstream}, message: {contains: story}}]
    fault: {websocket: {delayMessages: 1ms, probability: 0.5, seed: 3}}
  - name: slow-as-well
    matches: [{websocket: {path: /fuzz, direction: toDownstream}}]
    fault: {websocket: {delayMessages: 1ms, probability: 0.5, seed: 3}}
  - name: counts
    matches: [{websocket: {path: /fuzz}}]
    fault: {websocket: {closeCode: 1013, afterMessages: 100000}}`);

const beside = rulesOf(`
  - name: beside
    matches: [{websocket: {path: /fuzz}}]
    patch:
      websocket:
        inject:
          - repeat:
              times: 6
              steps: [{send: ~ours~}, {wait: 1ms}, {send: {text: ~ours~}, direction: toUpstream}]`);

const listening = rulesOf(`
  - name: listening
    matches: [{websocket: {path: /fuzz}}]
    patch:
      websocket:
        inject:
          - repeat:
              steps:
                - expect: {contains: story}
                - send: ~ours~
                - expect: {contains: price}
                  direction: toDownstream
                - send: {text: ~ours~}
                  direction: toUpstream`);

/** RFC 6455 §7.4.1; the upstream hears 1001. */
export const closedWith = 1013;
const closing = rulesOf(`
  - name: closing
    matches: [{websocket: {path: /fuzz}, message: {contains: story}}]
    fault: {websocket: {closeCode: ${closedWith}, afterMessages: 3}}`);

const marked = rulesOf(`
  - name: drop
    matches: [{websocket: {path: /fuzz}, message: {contains: ~drop~}}]
    fault: {websocket: {dropMessages: true}}
  - name: twice
    matches: [{websocket: {path: /fuzz}, message: {contains: ~twice~}}]
    fault: {websocket: {duplicateMessages: 2}}
  - name: patch
    matches: [{websocket: {path: /fuzz}, message: {contains: ~patch~}}]
    patch: {websocket: {replace: ~patched~}}
  - name: ask
    matches: [{websocket: {path: /fuzz}, message: {contains: ~ask~}}]
    respond: {websocket: [{send: ~ours~}]}
  - name: slow
    matches: [{websocket: {path: /fuzz}, message: {contains: ~slow~}}]
    fault: {websocket: {delayMessages: 1ms}}
  - name: group
    matches: [{websocket: {path: /fuzz}, message: {contains: ~group~}}]
    fault: {websocket: {reorderMessages: 2}}`);

const plain = { same: "octets", over: "HTTP/1" } as const;
const over2 = { over: "HTTP/2" } as const;
const changed = { ...plain, rules: marked, same: "messages" } as const;

export const scenarios: readonly Scenario[] = [
  { ...plain, name: "directly", rules: null },
  { ...plain, name: "without rules", rules: [] },
  { ...plain, name: "beside rules for other messages", rules: elsewhere, same: "frames" },
  { ...plain, name: "under rules that delay or count", rules: slow, same: "frames" },
  { ...plain, name: "with messages of ours between", rules: beside },
  { ...plain, name: "while a script listens", rules: listening, same: "frames" },
  { ...plain, name: "until a rule closes", rules: closing, same: "frames", isClosed: true },
  { ...changed, name: "under rules that change some" },
  { ...changed, name: "under rules that change some, inside TLS", isSecure: true },
  { ...changed, name: "under rules that come and go", otherRules: elsewhere },
  { ...plain, ...over2, name: "directly over HTTP/2", rules: null },
  { ...plain, ...over2, name: "over HTTP/2, without rules", rules: [] },
  {
    ...plain,
    ...over2,
    name: "over HTTP/2, beside rules for other messages",
    rules: elsewhere,
    same: "frames",
  },
  { ...plain, ...over2, name: "over HTTP/2, under rules that delay or count", rules: slow, same: "frames" },
  { ...plain, ...over2, name: "over HTTP/2, with messages of ours between", rules: beside },
  {
    ...plain,
    ...over2,
    name: "over HTTP/2, until a rule closes",
    rules: closing,
    same: "frames",
    isClosed: true,
  },
  { ...changed, ...over2, name: "over HTTP/2, under rules that change some" },
  { ...changed, ...over2, name: "over HTTP/2, under rules that come and go", otherRules: elsewhere },
];

/** Rules on messages with marks are in force at some time. */
export const isMarked = ({ rules }: Scenario): boolean => rules === marked;
