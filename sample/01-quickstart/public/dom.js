// @ts-check

/**
 * Returns an element of the page.
 *
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function part(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element with the id ${id}`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * Creates an element. Its content is text or other elements and never markup, because much of it comes from strangers.
 *
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Partial<HTMLElementTagNameMap[K]>} properties
 * @param {(Node | string)[]} content
 */
export function make(tag, properties = {}, ...content) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...content);
  return element;
}

/**
 * Creates a word in a coloured box.
 *
 * @param {'good' | 'bad' | 'warn'} kind
 * @param {string} text
 */
export function badge(kind, text) {
  return make('strong', { className: `badge ${kind}` }, text);
}
