/** A key file that cannot be used. The message names the file and says what to do; it holds nothing of the key. */
export class KeyFileError extends Error {
  override readonly name = "KeyFileError";
}
