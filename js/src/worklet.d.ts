/** An AudioWorklet module, bundled into a string by build.mjs. */
declare module "worklet:*" {
  const source: string;
  export default source;
}

/** A style sheet, bundled into a string by build.mjs. */
declare module "style:*" {
  const source: string;
  export default source;
}
