import assert from "node:assert/strict";
import { test } from "node:test";
import { writtenText } from "../../src/core/written-text.ts";

const yaml = "version: 1\nrules: []\n";
const wide = { line: 1, message: "expected text in UTF-8, got UTF-16 (save the file as UTF-8)" };

test("written text: UTF-8 is taken as it is, a byte order mark included", () => {
  for (const text of ["", yaml, "naïve: ✓ 🎭\n", `\ufeff${yaml}`, "a\r\nb"])
    assert.equal(writtenText(Buffer.from(text)), text);
});

test("written text: UTF-16 is told, with a byte order mark or without, in either order", () => {
  for (const text of [yaml, `\ufeff${yaml}`]) {
    const little = Buffer.from(text, "utf16le");
    assert.deepEqual(writtenText(little), wide);
    assert.deepEqual(writtenText(Buffer.from(little).swap16()), wide);
  }
});

test("written text: a program is no text", () => {
  const message = "expected text in UTF-8, got a file that is no text";
  assert.deepEqual(writtenText(Buffer.from("\x7fELF\x02\x01\x01\0\0")), { line: 1, message });
});

test("written text: another encoding is told with the first line that shows it", () => {
  const told = (line: number) => ({
    line,
    message: "expected text in UTF-8, got another encoding (save the file as UTF-8)",
  });
  assert.deepEqual(writtenText(Buffer.from("a: ü\nb: caf\xe9\n", "latin1")), told(1));
  assert.deepEqual(writtenText(Buffer.from("a: x\nb: caf\xe9\nc: \xfc\n", "latin1")), told(2));
  const after = Buffer.concat([Buffer.from("a: ü\n\nb: ✓"), Buffer.from([0xff]), Buffer.from("\n")]);
  assert.deepEqual(writtenText(after), told(3));
  assert.deepEqual(writtenText(Buffer.from([0x61, 0x0a, 0xc3])), told(2));
  assert.deepEqual(writtenText(Buffer.from([0xc3, 0x0a, 0xbc])), told(1));
});
