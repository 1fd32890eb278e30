// The client and the upstream of a plan: each says its part when its turn has come.

import type { Line } from "./line.ts";
import { readMessages } from "./messages.ts";
import { otherWords, type Plan } from "./plan.ts";

export async function playClient(line: Line, plan: Plan): Promise<void> {
  const { turns, clientEnds } = plan;
  const methods = turns.map(({ method }) => method);
  const whole = () => readMessages(line.bytes, methods, false).filter(({ isWhole }) => isWhole);
  const replies = () => whole().length;
  /** An upstream that has the whole body by then says none to an earlier request, so they are not to be counted. */
  const isToldToContinue = (index: number) => {
    const from = index === 0 ? 0 : whole()[index - 1]?.end;
    return from !== undefined && line.bytes.includes("HTTP/1.1 100 ", from);
  };
  const last = turns.at(-1);
  for (const [index, turn] of turns.entries()) {
    await line.send(turn.requestHead, plan.requestPiece);
    if (turn.waitsForContinue) await line.until(() => isToldToContinue(index) || replies() > index);
    await line.send(turn.requestBody, plan.requestPiece);
    if (plan.isInTurns && turn !== last) await line.until(() => replies() > index);
  }
  if (clientEnds === "half") line.socket.end();
  if (clientEnds === "reset") {
    await line.until(() => replies() > 0);
    return void line.socket.resetAndDestroy();
  }
  await line.until(() => replies() === turns.length);
  if (last?.switches) {
    await line.send(otherWords.up, plan.requestPiece);
    await line.until(() => line.bytes.endsWith(otherWords.down));
  }
  if (!plan.cut) line.socket.end();
  await line.until(() => false);
  line.socket.end();
}

/** `arrived`: resolves when the client has what was sent. */
export async function playUpstream(
  line: Line,
  plan: Plan,
  arrived: (bytes: number) => Promise<void>,
): Promise<void> {
  let said = 0;
  const say = async (text: string): Promise<void> => {
    said += text.length;
    await line.send(text, plan.replyPiece);
  };
  const request = (index: number) => readMessages(line.bytes, null, false)[index];
  for (const [index, turn] of plan.turns.entries()) {
    await line.until(() => request(index) !== undefined);
    if (!request(index)) break;
    if (turn.expectsContinue && !request(index)?.isWhole) await say("HTTP/1.1 100 Continue\r\n\r\n");
    if (!turn.isEarly) await line.until(() => request(index)?.isWhole === true);
    if (!turn.isEarly && !request(index)?.isWhole) break;
    await say(turn.interim);
    const reply = turn.replyHead + turn.replyBody;
    if (plan.cut && index === plan.turns.length - 1) {
      await say(plan.cut.isBefore ? "" : reply.slice(0, turn.replyHead.length + turn.replyBody.length / 2));
      if (plan.cut.how === "fin") break;
      await arrived(said);
      return void line.socket.resetAndDestroy();
    }
    await say(reply);
    await line.until(() => request(index)?.isWhole === true);
    if (turn.closes) break;
    if (!turn.switches) continue;
    await line.until(() => line.bytes.endsWith(otherWords.up));
    await say(otherWords.down);
  }
  const isDone = plan.cut || plan.turns.at(-1)?.closes;
  if (!isDone) await line.until(() => false);
  line.socket.end();
}
