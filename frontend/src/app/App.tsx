import { ModelFacts } from "../features/model/ModelFacts.tsx";
import { Predict } from "../features/predict/Predict.tsx";
import { TrainingNews } from "../features/training/TrainingNews.tsx";
import { Announcement } from "../ui/Announcement.tsx";
import { Notice } from "../ui/Notice.tsx";
import styles from "./App.module.css";
import { usePipeline, type Pipeline } from "./usePipeline.ts";

export function App() {
  const pipeline = usePipeline();
  const { contact, model, training } = pipeline;
  return (
    <div className={styles["page"]}>
      <header>
        <h1>Image classifier</h1>
        <p>{subtitle(pipeline)}</p>
      </header>
      <main>
        <Announcement>{announcement(pipeline)}</Announcement>
        {contact === "lost" && <Lost problem={pipeline.problem} />}
        {contact === "ok" && model === null && <NoModel />}
        <TrainingNews training={training} />
        {model !== null && <Predict model={model} />}
        {model !== null && <ModelFacts model={model} />}
      </main>
    </div>
  );
}

function subtitle({ contact, model }: Pipeline): string {
  if (model !== null) {
    return `See what ${model.name}, version ${String(model.version)}, makes of your pictures.`;
  }
  return contact === "asking"
    ? "Asking the server for its model…"
    : "See what a model makes of your pictures.";
}

function announcement({ contact, model }: Pipeline): string {
  if (contact === "lost") {
    return "The server cannot be reached.";
  }
  return model === null ? "" : `Version ${String(model.version)} of ${model.name} is ready.`;
}

function Lost({ problem }: { readonly problem: string | null }) {
  return (
    <Notice kind="problem">
      <h2>No contact with the server</h2>
      <p>{problem} This page keeps trying.</p>
    </Notice>
  );
}

function NoModel() {
  return (
    <Notice kind="news">
      <h2>There is no model yet</h2>
      <p>As soon as one is trained and published, you can try it here; no need to reload.</p>
    </Notice>
  );
}
