// Small checks of what comes from outside, put together to larger ones.

export type Check = (value: unknown) => boolean;

export const text: Check = (value) => typeof value === "string";
export const flag: Check = (value) => typeof value === "boolean";
export const count: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
export const amount: Check = (value) => Number.isFinite(value);
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const maybe =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
export const list =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
export const oneOf =
  (...words: string[]): Check =>
  (value) =>
    words.includes(value as string);
export const fields =
  (checks: Record<string, Check>): Check =>
  (value) =>
    isObject(value) && Object.entries(checks).every(([name, check]) => check(value[name]));

/** An object whose values all pass `check`, whatever their names. */
export const table =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check);
