import library from '@mermaid-js/tiny/dist/mermaid.tiny.js?url';
import { useData } from 'vitepress';
import { h, onMounted, ref, useId, watch } from 'vue';

// On a narrow screen the text stays readable, and the reader scrolls.
const SCROLLING = { overflowX: 'auto' };
const READABLE = { minWidth: '36rem' };

let loading;

/** Loads Mermaid when the first diagram is shown. A page without a diagram does not load it. */
function mermaid() {
  loading ??= new Promise((resolve, reject) => {
    const script = Object.assign(globalThis.document.createElement('script'), {
      src: library,
      onload: () => resolve(globalThis.mermaid),
      onerror: reject,
    });
    globalThis.document.head.append(script);
  });
  return loading;
}

/** Draws a diagram in the colors of the page. Until then, and without JavaScript, it shows the text. */
export const Diagram = {
  props: { text: { type: String, required: true } },
  setup({ text }) {
    const { isDark } = useData();
    const id = useId();
    const image = ref('');
    const draw = async () => {
      const { initialize, render } = await mermaid();
      initialize({
        startOnLoad: false,
        theme: isDark.value ? 'dark' : 'neutral',
        fontFamily: 'sans-serif',
        themeVariables: { noteBkgColor: '#444', noteTextColor: '#fff' },
        sequence: { mirrorActors: false },
      });
      image.value = (await render(`diagram-${id}`, text)).svg;
    };
    onMounted(draw);
    watch(isDark, draw);
    return () =>
      image.value
        ? h('div', { style: SCROLLING }, h('div', { style: READABLE, innerHTML: image.value }))
        : h('pre', h('code', text));
  },
};
