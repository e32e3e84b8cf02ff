/** What a project may name: strategies, agents, experts. The form works without, by its defaults. */
import { answer, api, type Schemas } from "../api/client";

export class Catalogue {
  strategies = $state.raw<Schemas["StrategyInfo"][]>([]);
  agents = $state.raw<Schemas["Agent"][]>([]);
  archetypes = $state.raw<Schemas["Archetype"][]>([]);
  loaded = $state(false);

  constructor() {
    void this.#load();
  }

  /** The model that plans plain words; null where there is none. */
  get model(): string | null {
    return this.agents.find(({ id }) => id === "default")?.model ?? null;
  }

  async #load(): Promise<void> {
    await Promise.allSettled([
      answer(api.GET("/api/strategies", {})).then((found) => (this.strategies = found.strategies)),
      answer(api.GET("/api/agents", {})).then((found) => (this.agents = found.agents)),
      answer(api.GET("/api/archetypes", {})).then((found) => (this.archetypes = found.archetypes)),
    ]);
    this.loaded = true;
  }
}
