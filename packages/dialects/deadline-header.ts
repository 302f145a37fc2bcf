/** The header in which a caller says how many milliseconds it waits. */
export const deadlineHeader = "x-spillway-deadline-ms";

const positiveInteger = /^[1-9]\d{0,9}$/;

/** The milliseconds of the header's value: a positive whole number in plain digits, and nothing else. Undefined for what is none. */
export function parseDeadlineMs(value: string): number | undefined {
  return positiveInteger.test(value) ? Number(value) : undefined;
}
