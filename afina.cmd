@echo off
rem Runs Afina from its checkout: builds Release when the sources changed, then runs the program.
setlocal
set "root=%~dp0"
set "artifacts=%root%artifacts"
set "program=%artifacts%\bin\Afina.Cli\release\Afina.Cli.dll"
set "stamp=%artifacts%\afina.stamp"
set "lock=%artifacts%\afina.lock"

set "dotnet=dotnet"
where dotnet >nul 2>nul || set "dotnet=%ProgramFiles%\dotnet\dotnet.exe"
if not "%dotnet%"=="dotnet" if not exist "%dotnet%" set "dotnet=%USERPROFILE%\.dotnet\dotnet.exe"
if not "%dotnet%"=="dotnet" if not exist "%dotnet%" (
  echo afina: there is no dotnet, and Afina needs the .NET SDK 10: get it with winget install Microsoft.DotNet.SDK.10 1>&2
  exit /b 127
)

call :changed || goto run
if not exist "%artifacts%" mkdir "%artifacts%"
set /a waited=0
:acquire
mkdir "%lock%" 2>nul && goto build
if %waited% geq 600 goto held
set /a waited+=1
ping -n 2 127.0.0.1 >nul
goto acquire

:build
call :changed || (rmdir "%lock%" & goto run)
echo afina: building (once, and again when the sources change) ... 1>&2
rem The stamp is as old as the build's start: what is edited during it is built next time.
type nul > "%stamp%.new"
set "DOTNET_NOLOGO=1"
pushd "%root%"
"%dotnet%" build src\Afina.Cli -c Release --disable-build-servers -nologo -v quiet -tl:off -clp:NoSummary 1>&2
set "failed=%errorlevel%"
popd
rmdir "%lock%"
if not "%failed%"=="0" (
  echo afina: the build failed ^(the first one downloads packages, so it needs the network^) 1>&2
  exit /b 1
)
move /y "%stamp%.new" "%stamp%" >nul

:run
"%dotnet%" "%program%" %*
exit /b %errorlevel%

:held
echo afina: another build has held %lock% for %waited% s: if none is running, delete that folder 1>&2
exit /b 1

rem Succeeds when something under src or a build setting is newer than the stamp, or when there is nothing built yet.
:changed
if not exist "%program%" exit /b 0
if not exist "%stamp%" exit /b 0
powershell -NoProfile -NonInteractive -Command "$t = (Get-Item -LiteralPath $env:stamp).LastWriteTimeUtc; $s = @(Get-Item -Path ($env:root + 'Directory.*.props'), ($env:root + 'global.json')) + @(Get-ChildItem -LiteralPath ($env:root + 'src') -Recurse); if ($s | Where-Object { $_.LastWriteTimeUtc -gt $t } | Select-Object -First 1) { exit 0 } else { exit 1 }"
exit /b %errorlevel%
