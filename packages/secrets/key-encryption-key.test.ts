import { hash, randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KeyEncryptionKey } from "./key-encryption-key.ts";
import { openOrCreateKeyFile } from "./key-file.ts";
import { resolveKeyEncryptionKey } from "./resolve-key-encryption-key.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "spillway-key-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a key-encryption key", () => {
  const bytes = randomBytes(32);
  const keyId = hash("sha256", bytes).slice(0, 16);

  test("is named by the start of its SHA-256", () => {
    expect(new KeyEncryptionKey(bytes).keyId).toBe(keyId);
  });

  test("gives equal contents equal fingerprints, which another key does not give", () => {
    const key = new KeyEncryptionKey(bytes);
    expect(key.fingerprint("a")).toBe(new KeyEncryptionKey(bytes).fingerprint("a"));
    expect(key.fingerprint("a")).not.toBe(key.fingerprint("b"));
    expect(key.fingerprint("a")).not.toBe(new KeyEncryptionKey(randomBytes(32)).fingerprint("a"));
  });

  test("has exactly 32 bytes", () => {
    expect(() => new KeyEncryptionKey(randomBytes(31))).toThrow("32 bytes, not 31");
  });

  test.each([
    ["hexadecimal", bytes.toString("hex")],
    ["upper-case hexadecimal", bytes.toString("hex").toUpperCase()],
    ["base64", bytes.toString("base64")],
    ["base64url", bytes.toString("base64url")],
    ["base64 with white space around it", ` ${bytes.toString("base64")}\n`],
  ])("is read from %s", (_form, text) => {
    expect(resolveKeyEncryptionKey(text).keyId).toBe(keyId);
  });

  test.each(["file:", "file://"])("is read from a file named by %s", (prefix) => {
    const path = join(folder, "mounted");
    writeFileSync(path, `${bytes.toString("base64")}\n`);
    expect(resolveKeyEncryptionKey(prefix + path).keyId).toBe(keyId);
  });

  test("that is a passphrase is the same in every process, and another for another passphrase", () => {
    const first = resolveKeyEncryptionKey("correct horse battery staple");
    expect(first.keyId).toBe(resolveKeyEncryptionKey("correct horse battery staple").keyId);
    expect(first.keyId).not.toBe(resolveKeyEncryptionKey("correct horse battery stapler").keyId);
  });

  test.each(["", "   ", "too-short-phrase".slice(1)])(
    "is not made from the short text %j, which no error repeats",
    (text) => {
      expect(() => resolveKeyEncryptionKey(text)).toThrow(/at least 16 characters(?!.*too-short)/);
    },
  );

  test("from a file that is missing, or too short, names the file", () => {
    const short = join(folder, "short");
    writeFileSync(short, "abc");
    expect(() => resolveKeyEncryptionKey(`file:${folder}/absent`)).toThrow(`${folder}/absent cannot be read: ENOENT`);
    expect(() => resolveKeyEncryptionKey(`file:${short}`)).toThrow(`${short}: a key-encryption key is`);
  });
});

describe("a key file", () => {
  test("is made once, for its owner alone, and read again", () => {
    const path = join(folder, "kek");
    const made = openOrCreateKeyFile(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(openOrCreateKeyFile(path).keyId).toBe(made.keyId);
    expect(resolveKeyEncryptionKey(`file:${path}`).keyId).toBe(made.keyId);
    expect(readdirSync(folder).filter((name) => name.startsWith("kek"))).toEqual(["kek"]);
  });

  test("holds another key in another place", () => {
    expect(openOrCreateKeyFile(join(folder, "one")).keyId).not.toBe(openOrCreateKeyFile(join(folder, "two")).keyId);
  });

  test.each([0o644, 0o640, 0o602])("of mode %o is refused with the fix", (mode) => {
    const path = join(folder, `open-${mode}`);
    openOrCreateKeyFile(path);
    chmodSync(path, mode);
    expect(() => openOrCreateKeyFile(path)).toThrow(`chmod 600 ${path}`);
  });

  test("that holds no key is refused and left alone", () => {
    const path = join(folder, "empty");
    writeFileSync(path, "", { mode: 0o600 });
    expect(() => openOrCreateKeyFile(path)).toThrow("does not hold 32 bytes");
    expect(readFileSync(path, "utf8")).toBe("");
  });

  test("that cannot be read names the file and what it must be", () => {
    const path = join(folder, "loop");
    symlinkSync("loop", path);
    expect(() => openOrCreateKeyFile(path)).toThrow(`the key file ${path} cannot be read: ELOOP; it must be a file`);
    const inner = join(folder, "folder");
    mkdirSync(inner, { mode: 0o700 });
    expect(() => openOrCreateKeyFile(inner)).toThrow(`the key file ${inner} cannot be read: EISDIR`);
  });

  test.skipIf(process.getuid?.() === 0)("of somebody else is refused by name, and not replaced", () => {
    const path = join(folder, "theirs");
    writeFileSync(path, "x", { mode: 0o200 });
    expect(() => openOrCreateKeyFile(path)).toThrow(`the key file ${path} cannot be read: EACCES`);
  });

  test("behind a link that leads nowhere is neither made nor mistaken for one", () => {
    const path = join(folder, "dangling");
    symlinkSync(join(folder, "not-mounted"), path);
    expect(() => openOrCreateKeyFile(path)).toThrow(`'${path}'`);
    expect(readdirSync(folder).filter((name) => name.startsWith("dangling"))).toEqual(["dangling"]);
    expect(readdirSync(folder)).not.toContain("not-mounted");
  });

  test("is the same for all who make it at once", async () => {
    const rounds = 40;
    const atOnce = new Int32Array(new SharedArrayBuffer(8));
    const rival = new Worker(
      `import { parentPort, workerData } from "node:worker_threads";
       import { openOrCreateKeyFile } from ${JSON.stringify(new URL("./key-file.ts", import.meta.url).href)};
       const { folder, rounds, atOnce } = workerData;
       const keyIds = [];
       for (let round = 0; round < rounds; round += 1) {
         Atomics.store(atOnce, 1, round + 1);
         while (Atomics.load(atOnce, 0) <= round) {}
         keyIds.push(openOrCreateKeyFile(folder + "/race-" + round).keyId);
       }
       parentPort.postMessage(keyIds);`,
      { eval: true, workerData: { folder, rounds, atOnce } },
    );
    const theirs = new Promise((resolve, reject) => rival.once("message", resolve).once("error", reject));
    const ours: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      await expect.poll(() => Atomics.load(atOnce, 1), { interval: 1 }).toBe(round + 1);
      Atomics.store(atOnce, 0, round + 1);
      ours.push(openOrCreateKeyFile(join(folder, `race-${round}`)).keyId);
    }
    expect(ours).toEqual(await theirs);
    expect(readdirSync(folder).filter((name) => name.startsWith("race-"))).toHaveLength(rounds);
  });

  test("in a folder that is missing is refused, naming the folder", () => {
    expect(() => openOrCreateKeyFile(join(folder, "absent", "kek"))).toThrow(`${folder}/absent`);
  });
});
