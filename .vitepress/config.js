import { defineConfig } from 'vitepress';

const guide = (text, name) => ({ text, link: `/docs/guides/${name}` });

/** The pages are the Markdown files of the repository, which read well without the site, too. */
export default defineConfig({
  title: 'nestjs-semantic-events',
  description: 'NestJS WebSocket gateways that are safe to put on the internet',
  srcDir: '.',
  srcExclude: [
    'node_modules/**',
    'build/**',
    'dist/**',
    'sample/**',
    'test/**',
    'bench/**',
    'lib/**',
    'client-package/**',
  ],
  outDir: 'build/site',
  cacheDir: 'build/vitepress-cache',
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: true,
  // A dead link fails the build. The site has no page for files that are not Markdown.
  ignoreDeadLinks: [/^http:\/\/localhost\b/, /\/(?:LICENSE|sample|lib|test|bench|\.ci|\.github)\b/],
  // Types such as Map<string, number> in running text are no HTML.
  markdown: {
    html: false,
    languageAlias: { mjs: 'js' },
    config({ renderer: { rules }, utils: { escapeHtml } }) {
      // VitePress styles fenced blocks only: an indented block would make a page wider than its window.
      rules.code_block = (tokens, index, ...rest) => {
        tokens[index].info = 'txt';
        return rules.fence(tokens, index, ...rest);
      };
      // GitHub draws these diagrams by itself.
      const { fence } = rules;
      rules.fence = (tokens, index, ...rest) => {
        const { info, content } = tokens[index];
        return info === 'mermaid'
          ? `<Diagram text="${escapeHtml(content)}" />`
          : fence(tokens, index, ...rest);
      };
    },
  },
  themeConfig: {
    outline: [2, 3],
    search: { provider: 'local' },
    nav: [
      { text: 'Getting started', link: '/docs/getting-started' },
      { text: 'Options', link: '/docs/reference/options' },
      { text: 'Protocol', link: '/PROTOCOL' },
      { text: 'Security', link: '/SECURITY' },
    ],
    sidebar: [
      {
        text: 'Start',
        items: [
          { text: 'Overview', link: '/' },
          { text: 'Getting started', link: '/docs/getting-started' },
          guide('The quickstart application', 'quickstart'),
        ],
      },
      {
        text: 'Guides',
        items: [
          guide('Clients', 'client'),
          guide('Event mesh, users and rooms', 'mesh'),
          guide('Authentication', 'authentication'),
          guide('Tickets', 'tickets'),
          guide('Identity providers', 'identity-providers'),
          guide('Validation', 'validation'),
          guide('Errors', 'errors'),
          guide('Global guards', 'global-guards'),
          guide('Signing keys', 'keys'),
          guide('Socket.IO', 'socket-io'),
          guide('Admin routes (devtools)', 'devtools'),
          guide('Tests', 'testing'),
          guide('Migration', 'migration'),
          guide('Other languages', 'other-languages'),
          guide('Compatibility with integradio', 'integradio'),
        ],
      },
      {
        text: 'Operation',
        items: [
          { text: 'Operation', link: '/docs/operating' },
          { text: 'Scaling the mesh', link: '/docs/scaling' },
          { text: 'Troubleshooting', link: '/docs/troubleshooting' },
          { text: 'Redis', link: '/docs/redis' },
          { text: 'Benchmarks', link: '/docs/benchmarks' },
          { text: 'Attacks and their tests', link: '/docs/attacks' },
        ],
      },
      {
        text: 'Reference',
        items: [
          { text: 'Options', link: '/docs/reference/options' },
          { text: 'API', link: '/docs/reference/api' },
          { text: 'Protocol', link: '/PROTOCOL' },
          { text: 'Security', link: '/SECURITY' },
          { text: 'Changes', link: '/CHANGELOG' },
          { text: 'Contributing', link: '/CONTRIBUTING' },
        ],
      },
    ],
  },
});
