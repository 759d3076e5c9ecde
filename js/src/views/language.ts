// Language codes as people call them.

const known = new Map<string, string>();

/** "Spanish" for "es"; the code itself where nobody knows it; "" for "". */
export function languageName(code: string): string {
  let name = known.get(code);
  if (name === undefined) {
    name = lookUp(code);
    known.set(code, name);
  }
  return name;
}

function lookUp(code: string): string {
  try {
    return new Intl.DisplayNames(["en"], { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** The code for a `lang` attribute, or null where it is none: a wrong one would change how text is read out. */
export function languageTag(code: string): string | null {
  return /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/.test(code) ? code : null;
}
