/** Text that may stand in HTML or in an attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Up to 12 significant characters of a coordinate: files stay small. */
export const coordinate = (x: number): string => {
  const text = x.toFixed(2);
  return text.endsWith('.00') ? text.slice(0, -3) : text;
};
