import type { configV1 } from "#contracts";
import { type KeyEncryptionKey, openSecret, type Secret } from "#secrets";

const mostOpened = 1024;

/** Opens secrets and remembers the opened ones, in the type that does not print, while the snapshot holds them. */
export class OpenedSecrets {
  readonly #keyEncryptionKey: KeyEncryptionKey;
  readonly #opened = new Map<configV1.SealedSecret, Secret>();

  constructor(keyEncryptionKey: KeyEncryptionKey) {
    this.#keyEncryptionKey = keyEncryptionKey;
  }

  /** Throws `SecretUnreadableError` when the secret was sealed by another key. */
  open(sealed: configV1.SealedSecret): Secret {
    let secret = this.#opened.get(sealed);
    if (secret === undefined) {
      secret = openSecret(sealed, this.#keyEncryptionKey);
      if (this.#opened.size >= mostOpened) {
        this.#opened.clear();
      }
      this.#opened.set(sealed, secret);
    }
    return secret;
  }

  /** Forgets whatever is not among these. */
  keepOnly(held: ReadonlyMap<string, configV1.SealedSecret>): void {
    for (const sealed of this.#opened.keys()) {
      if (held.get(sealed.secretId) !== sealed) {
        this.#opened.delete(sealed);
      }
    }
  }
}
