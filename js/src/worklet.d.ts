/** An AudioWorklet module, bundled into a string by build.mjs. */
declare module "worklet:*" {
  const source: string;
  export default source;
}
