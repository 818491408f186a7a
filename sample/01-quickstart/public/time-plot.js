// @ts-check

/** The number of seconds shown, one bar each. */
const SECONDS = 60;
const WIDTH = 300;
const HEIGHT = 80;
const BAR = WIDTH / SECONDS;
const SVG = 'http://www.w3.org/2000/svg';

/** Plots the number of events in each second of the last minute, with rejections at the bottom of each bar. */
export class TimePlot {
  /** Counts by second. @type {Map<number, { refused: number, other: number }>} */
  #bins = new Map();

  /**
   * @param {SVGSVGElement} svg
   * @param {HTMLElement} peak the element that shows the height of the highest bar
   */
  constructor(svg, peak) {
    this.svg = svg;
    this.peak = peak;
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  }

  /** Starts to redraw once a second. */
  start() {
    this.draw();
    setInterval(() => this.draw(), 1_000);
  }

  /**
   * @param {number} time milliseconds since the Unix epoch
   * @param {number} count
   * @param {boolean} isRefusal
   */
  add(time, count, isRefusal) {
    // The server's clock may be ahead.
    const second = Math.min(Math.floor(time / 1_000), now());
    const bin = this.#bins.get(second) ?? { refused: 0, other: 0 };
    bin[isRefusal ? 'refused' : 'other'] += count;
    this.#bins.set(second, bin);
    this.draw();
  }

  draw() {
    const first = now() - SECONDS + 1;
    for (const second of this.#bins.keys()) if (second < first) this.#bins.delete(second);
    const bins = [...this.#bins.values()];
    const most = Math.max(1, ...bins.map(({ refused, other }) => refused + other));
    const bars = [...this.#bins].flatMap(([second, { refused, other }]) => {
      const x = (second - first) * BAR;
      const low = (refused / most) * HEIGHT;
      const high = (other / most) * HEIGHT;
      return [bar('refused', x, HEIGHT - low, low), bar('other', x, HEIGHT - low - high, high)];
    });
    this.svg.replaceChildren(...bars);
    this.peak.textContent = `${most} a second`;
    const refused = bins.reduce((sum, bin) => sum + bin.refused, 0);
    const other = bins.reduce((sum, bin) => sum + bin.other, 0);
    this.svg.ariaLabel = `In the last minute: ${refused} refused or closed, ${other} other`;
  }
}

function now() {
  return Math.floor(Date.now() / 1_000);
}

/**
 * @param {string} name
 * @param {number} x
 * @param {number} y
 * @param {number} height
 */
function bar(name, x, y, height) {
  const rectangle = document.createElementNS(SVG, 'rect');
  const attributes = { class: name, x: x + 0.5, y, width: BAR - 1, height };
  for (const [attribute, value] of Object.entries(attributes))
    rectangle.setAttribute(attribute, String(value));
  return rectangle;
}
