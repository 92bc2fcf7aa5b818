import axe from "axe-core";

/** The accessibility rules that the document breaks. Contrast needs a real browser. */
export async function violations(): Promise<readonly string[]> {
  const results = await axe.run(document, { rules: { "color-contrast": { enabled: false } } });
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.map((n) => n.html).join(" ")}`);
}
