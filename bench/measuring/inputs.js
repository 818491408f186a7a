// Event data by name, each with the schema that servers validate it by. Sizes are those of the signed text of the whole
// event.
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
  /** 340 bytes: a click on a page. */
  ui: {
    schema: UI,
    data: {
      component: 'checkout/payment-form/submit',
      position: { x: 412, y: 118 },
      modifiers: ['shift'],
      label: 'Pay and place this order now!',
    },
  },
  /** The smallest possible data. */
  small: { schema: z.object({ on: z.boolean() }), data: { on: true } },
  /** 8 kB in one string. */
  large: { schema: TEXT, data: { text: 'The quick brown fox jumps. '.repeat(296) } },
  /** Many small nested objects. */
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
  /** Characters of two, three and four bytes. */
  'non-ascii': { schema: TEXT, data: { text: 'Kasse öffnen, 会計へ進む 🛒 '.repeat(4) } },
};
