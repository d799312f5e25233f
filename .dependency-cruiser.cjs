// Imports go one way. A floor may use what its entry lists, and itself; nothing else of src.

const outside = ["platform"];
const files = [...outside, "files"];
const config = [...files, "config"];
const gpu = [...outside, "gpu"];
const ops = [...gpu, "tensor", "ops", "image"];
const weights = [...new Set([...ops, ...config, "weights"])];
const nn = [...weights, "nn"];
const tuning = [...nn, "tuning"];
const diffusion = [...ops, "diffusion"];
const fixture = [...new Set([...weights, ...diffusion, "fixture"])];
const tokenizer = [...files, "tokenizer"];
const models = [...new Set([...nn, ...diffusion, ...fixture, ...tokenizer, "models"])];
const pipeline = [...models, "pipeline"];
const verify = [...new Set([...pipeline, ...tuning, "verify"])];

const worker = [...new Set([...pipeline, ...tuning, "worker"])];
const requests = [...worker, "requests"];
const server = [...requests, "server"];

const floors = {
  platform: outside,
  files,
  image: [...files, "image"],
  tokenizer,
  config,
  gpu,
  tensor: [...gpu, "tensor"],
  ops,
  weights,
  nn,
  diffusion,
  fixture,
  tuning,
  models,
  pipeline,
  verify,
  worker,
  requests,
  server,
  cli: [...new Set([...verify, ...server, "cli"])],
};

/** Folders of families; CLIPs, and the layout of diffusers' folders, are for all of them. */
const FAMILY_FOLDER = "^src/models/(?!(?:clip|diffusers)/)[^/]+/";

const oneWay = Object.entries(floors).map(([floor, below]) => ({
  name: `floor-${floor}`,
  comment: `src/${floor} may import only: ${below.join(", ")}`,
  severity: "error",
  from: { path: `^src/${floor}/` },
  to: { path: "^src/", pathNot: `^src/(${below.join("|")})/` },
}));

module.exports = {
  forbidden: [
    ...oneWay,
    {
      name: "floor-unknown",
      comment: "every folder of src has its floor in .dependency-cruiser.cjs",
      severity: "error",
      from: {},
      to: { path: "^src/[^/]+/", pathNot: `^src/(${Object.keys(floors).join("|")})/` },
    },
    {
      name: "family-unknown",
      comment:
        "a family of models is known to the list of families alone: what others need of it is in src/models/interfaces.ts and family.ts",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/models/([^/]+/|families\\.ts)" },
      to: { path: FAMILY_FOLDER },
    },
    {
      name: "family-alone",
      comment: "a family of models knows no other",
      severity: "error",
      from: { path: "^src/models/([^/]+)/" },
      to: { path: FAMILY_FOLDER, pathNot: "^src/models/$1/" },
    },
    {
      name: "no-circle",
      comment: "modules that name each other cannot be read alone: part what both need from them; types included",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "no-barrel",
      comment:
        "who needs a name imports it from the file that has it; what is published is listed in src/index.ts and src/requests.ts",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(index|requests|platform/(node|browser))\\.ts$" },
      to: { dependencyTypes: ["export"] },
    },
    {
      name: "no-node-outside-platform",
      comment: "the same code runs in browsers: what differs belongs to src/platform",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(platform|cli|server)/" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "no-native-outside-platform",
      comment: "packages that only Node runs belong to src/platform, src/cli and src/server",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(platform|cli|server)/" },
      to: {
        path: "node_modules/(webgpu|sharp|commander|@clack|hono|@hono|prom-client|pino|bullmq|ioredis|unstorage)/",
      },
    },
    {
      name: "no-node-in-browser-platform",
      comment: "src/platform/browser*.ts is the half that browsers load",
      severity: "error",
      from: { path: "^src/platform/browser" },
      to: { dependencyTypes: ["core"] },
    },
    {
      name: "src-stands-alone",
      comment: "what is published does not need tests, tools or benchmarks",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|weights-tools|bench|scripts)/" },
    },
    {
      name: "app-by-name",
      comment: "the app uses what is published",
      severity: "error",
      from: { path: "^web/" },
      to: { path: "^(src/(?!(index|requests)\\.ts$)|test|bench)" },
    },
    {
      name: "no-dev-dependency",
      comment: "what src imports comes with the published package",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only", "npm-peer"] },
    },
    {
      name: "resolvable",
      comment: "an import that leads nowhere",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "no-orphan",
      comment: "a module that nothing uses and that uses nothing is left over",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: "\\.d\\.ts$" },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { conditionNames: ["node", "import", "types", "default"], exportsFields: ["exports"] },
  },
};
