// What events carry, by name: the schema a server holds the data against, and the data. Sizes are those of the signed
// text of the whole event.
import { z } from 'zod';

const UI = z.object({
  component: z.string().max(100),
  position: z.object({ x: z.number(), y: z.number() }),
  modifiers: z.array(z.string()),
  label: z.string().max(100),
});

const ORDER = z.object({
  order: z.object({
    lines: z.array(
      z.object({
        article: z.object({ name: z.string(), price: z.object({ amount: z.number() }) }),
        options: z.array(z.object({ name: z.string(), values: z.array(z.number()) })),
      }),
    ),
  }),
});

const TEXT = z.object({ text: z.string() });

export const INPUTS = {
  /** 340 bytes: what a page tells of a click. */
  ui: {
    schema: UI,
    data: {
      component: 'checkout/payment-form/submit',
      position: { x: 412, y: 118 },
      modifiers: ['shift'],
      label: 'Pay and place this order now!',
    },
  },
  /** As little as an event can be that has what a signature needs. */
  small: { schema: z.object({ on: z.boolean() }), data: { on: true } },
  /** 8 kB in one text. */
  large: { schema: TEXT, data: { text: 'The quick brown fox jumps. '.repeat(296) } },
  /** Many small objects in one another. */
  nested: {
    schema: ORDER,
    data: {
      order: {
        lines: Array.from({ length: 8 }, (_, n) => ({
          article: { name: `Article ${n}`, price: { amount: n + 0.5 } },
          options: [{ name: 'size', values: [n, n + 1] }],
        })),
      },
    },
  },
  /** Of two, three and four bytes a character. */
  'non-ascii': { schema: TEXT, data: { text: 'Kasse öffnen, 会計へ進む 🛒 '.repeat(4) } },
};
