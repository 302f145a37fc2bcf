/** Which secret it is, and the keys that did not fit. */
export interface SecretUnreadableErrorInit {
  readonly secretId: string;
  /** Id of the key that wrapped the secret, as the stored row says. */
  readonly keyId: string;
  /** Id of the key that was tried. */
  readonly heldKeyId: string;
}

/** A stored secret cannot be opened: another key-encryption key, or bytes that were changed. It carries ids, no value. */
export class SecretUnreadableError extends Error {
  override readonly name = "SecretUnreadableError";
  readonly secretId: string;
  readonly keyId: string;
  readonly heldKeyId: string;

  constructor(init: SecretUnreadableErrorInit) {
    super(
      init.keyId === init.heldKeyId
        ? `secret ${init.secretId} cannot be opened with key ${init.keyId}: what is stored was changed; write its value again`
        : `secret ${init.secretId} was written with key ${init.keyId} and this process holds key ${init.heldKeyId}: ` +
            "start with the key-encryption key that it was written with, or write its value again",
    );
    this.secretId = init.secretId;
    this.keyId = init.keyId;
    this.heldKeyId = init.heldKeyId;
  }
}
