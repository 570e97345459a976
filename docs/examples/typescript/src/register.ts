import { RegisterWebhook } from './documents.js';
import { ApiError, execute } from './execute.js';

const [url = ''] = process.argv.slice(2);
try {
  const { createWebhook } = await execute(RegisterWebhook, { input: { url } });
  if (createWebhook?.webhook) console.log(createWebhook.webhook.id, createWebhook.secret);
  for (const { field, code, message } of createWebhook?.userErrors ?? []) {
    console.log(`${field.join('.')}: ${message} (${code})`);
  }
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.log(`${error.code}: ${error.message}`);
}
