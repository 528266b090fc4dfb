using Afina.Cli;

return Application.Run(args);
