import { defineConfig, type Plugin } from "vite";

/** Says under which names the files were written, as the server reads it. */
function manifest(): Plugin {
  return {
    name: "amiss-manifest",
    enforce: "post",
    generateBundle(_options, bundle) {
      const names = Object.keys(bundle);
      const named = (ending: string) => names.find((name) => name.endsWith(ending));
      const source = JSON.stringify({ js: named(".js"), css: named(".css") });
      this.emitFile({ type: "asset", fileName: "manifest.json", source });
    },
  };
}

export default defineConfig({
  base: "/static/",
  plugins: [manifest()],
  build: {
    outDir: "../src/amiss/server/static",
    emptyOutDir: true,
    cssCodeSplit: false,
    modulePreload: false,
    target: "es2022",
    reportCompressedSize: false,
    rollupOptions: {
      input: "src/main.ts",
      output: { entryFileNames: "amiss-[hash].js", assetFileNames: "amiss-[hash][extname]", inlineDynamicImports: true },
    },
  },
});
