import {
  downloadFile,
  fileExists,
  listFiles,
  listModels,
  modelInfo,
  pathsInfo,
  whoAmI,
} from "@huggingface/hub";

const [hubUrl, accessToken] = process.argv.slice(2);
const repo = "practice/tiny-chat";

const names = [];
const search = { owner: "practice" };
for await (const model of listModels({ search, limit: 3, hubUrl })) names.push(model.name);
const info = await modelInfo({ name: repo, hubUrl, additionalFields: ["sha"] });
const files = [];
for await (const file of listFiles({ repo, hubUrl, expand: true })) files.push(file);
const legacy = await modelInfo({ name: "gpt2", hubUrl });
const paths = await pathsInfo({ repo, paths: ["model.safetensors"], expand: true, hubUrl });
const blob = await downloadFile({ repo, path: "model.safetensors", hubUrl });
const body = await blob.arrayBuffer();

let gate = "open";
try {
  const gated = { repo: "practice/gated-chat", path: "config.json" };
  const closed = await downloadFile({ ...gated, hubUrl, accessToken });
  await closed.text();
} catch (error) {
  gate = "closed " + error.statusCode;
}

console.log(
  JSON.stringify({
    models: names.length,
    name: info.name,
    sha: info.sha,
    legacy: legacy.name,
    commit: files.every((file) => file.lastCommit?.id === info.sha),
    size: body.byteLength,
    listed: paths[0].size,
    me: (await whoAmI({ hubUrl, accessToken })).name,
    gate,
    there: await fileExists({ repo, path: "config.json", hubUrl }),
  }),
);
